"""One rrdnsd as a process in a network namespace: started, killed, frozen, with a clock that can be wrong."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from support.daemon import DEADLINE, NO_ANSWER, until
from support.netns import Host

NODE_PORT = 3333


class Node:
    """One rrdnsd on a host of its own."""

    def __init__(self, host: Host, config: dict, folder: Path) -> None:
        self.host = host
        self.name = f"{host}:{NODE_PORT}"
        self.process: subprocess.Popen[bytes] | None = None
        self._path = folder / f"{host.name}.json"
        self._log = folder / f"{host.name}.log"
        self._clock = folder / f"{host.name}.clock"
        self._faked: dict[str, str] = {}
        self._config = {**config, "conf_version": 1, "local_node": self.name}
        self.configure()

    def configure(self, **more: object) -> None:
        """Write its configuration, with some keys changed."""
        self._config |= more
        self._path.write_text(json.dumps(self._config, indent=2))

    def start(self) -> None:
        command = self.host.command(sys.executable, "-m", "rrdnsd", "run", "--log-format", "text")
        env = {**os.environ, **self._faked, "CONF": str(self._path)}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it as a power failure would."""
        if self.process:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def freeze(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def set_clock(self, offset: str) -> None:
        """Set how wrong its clock is, as "+1h"; before the start it makes its clock one that can be set."""
        library = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]
        assert library, "Debian's faketime is not installed: run tools/system-packages"
        self._clock.write_text(f"{offset}\n")
        self._faked = {
            "LD_PRELOAD": str(library[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def logged(self, text: str, since: int = 0) -> bool:
        return text in self.log[since:]

    def transitions(self, since: int = 0) -> list[str]:
        """Return what it decided, from a length of its log on."""
        return [line for line in self.log[since:].splitlines() if "[vote]" in line]

    def health(self) -> dict:
        """Return its /health; {} if it does not answer."""
        return self.host.call(_health, self.name)

    def dns(self) -> dict:
        """Return what its /health tells of the zone on the DNS server; zeros if it does not answer."""
        return next(iter(self.health().get("dns", [])), {"reads": 0, "writes": 0})

    def agrees(self, others: set[str]) -> bool:
        """Tell if it knows every endpoint's state, counts these peers and has nothing to complain of."""
        health = self.health()
        known = bool(health) and "unknown" not in health["endpoints"]
        return known and not health["reasons"] and others <= self.counted()

    def until(self, condition: Callable[["Node"], object], what: str, deadline: float = DEADLINE) -> None:
        """Wait until a condition on this node is true."""
        until(
            lambda: condition(self),
            lambda: f"{self.name} {what}: {self.health()}\n{self.log}",
            deadline,
        )

    def complains(self, text: str) -> None:
        """Wait until it says this of itself."""
        self.until(lambda _node: text in str(self.health().get("reasons")), f"complains of {text!r}")

    def counted(self) -> set[str]:
        """Return the peers whose votes count at this node."""
        return {peer["node"] for peer in self.health().get("cluster", {}).get("peers", []) if peer["counted"]}


def _health(node: str) -> dict:
    try:
        with urllib.request.urlopen(f"http://{node}/health", timeout=20) as answer:
            return json.load(answer)
    except NO_ANSWER:
        return {}
