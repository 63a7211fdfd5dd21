"""What examples/hosts_file.py keeps, seen as the tests see a DNS server."""

from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "hosts_file.py"


@dataclass
class HostsFile:
    """A file as /etc/hosts is one; `first` is what stands in it at first."""

    path: Path
    first: str = ""
    kind: str = "hosts"
    host: str = ""
    port: int = 0

    def __post_init__(self) -> None:
        self.path.write_text(self.first)

    def addresses(self, name: str, rtype: str = "A") -> set[str]:
        return {address for address, _ in self._lines(name) if (":" in address) == (rtype == "AAAA")}

    def ttl(self, name: str, rtype: str = "A") -> int:
        (ttl,) = {ttl for address, ttl in self._lines(name) if (":" in address) == (rtype == "AAAA")}
        return int(ttl)

    def serial(self, _zone: str) -> int:
        """Grows with each change."""
        return self.path.stat().st_mtime_ns

    def _lines(self, name: str) -> list[tuple[str, str]]:
        words = [line.split() for line in self.path.read_text().splitlines()]
        return [(found[0], found[-1].removeprefix("ttl=")) for found in words if found[1] == name]
