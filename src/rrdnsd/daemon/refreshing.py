"""Names that operators want written anew: who waits for which, and what became of it."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What became of a name that was to be written anew on one server.

    `serves` are the addresses it serves now, `writes` how many updates that took. `trouble` says why it could
    not be done; "" if it was.
    """

    server: str
    name: str
    serves: tuple[str, ...] = ()
    writes: int = 0
    trouble: str = ""

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        if self.trouble:
            return f"{self.server}: {self.name} was not refreshed: {self.trouble}"
        updates = "one update" if self.writes == 1 else f"{self.writes} updates"
        how = f"after {updates}" if self.writes else "as before"
        return f"{self.server}: {self.name} has {', '.join(self.serves) or 'no address'}, {how}"


class Refreshes:
    """The requests for one keeper, at most one for each name: who asks for the same waits for the same."""

    def __init__(self) -> None:
        self._asked: dict[str, asyncio.Future[Refreshed]] = {}

    def __bool__(self) -> bool:
        """Tell if somebody waits."""
        return bool(self._asked)

    def names(self) -> list[str]:
        """Return the names that somebody waits for."""
        return list(self._asked)

    async def ask(self, name: str, within: float) -> Refreshed | None:
        """Wait until a name was written anew; None if that takes longer than `within` seconds."""
        asked = self._asked.setdefault(name, asyncio.get_running_loop().create_future())
        await asyncio.wait([asked], timeout=within)
        return asked.result() if asked.done() and not asked.cancelled() else None

    def done(self, report: Refreshed) -> None:
        """Tell who waits what became of it."""
        asked = self._asked.pop(report.name, None)
        if asked and not asked.done():
            asked.set_result(report)

    def close(self) -> None:
        """Let nobody wait any more."""
        for asked in self._asked.values():
            asked.cancel()
        self._asked.clear()
