"""Long work on the event loop in short turns, so that probes and everybody else have theirs in between."""

import asyncio
from time import monotonic

SECONDS = 0.003
"""How long a turn is. Shorter ones make long work longer: each rest lasts as long as a turn of all the others."""


class Turns:
    """Counts the present turn; it begins when this is made."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._until = monotonic() + seconds

    async def rest(self) -> None:
        """Let the others go first if this turn is over."""
        if monotonic() >= self._until:
            await asyncio.sleep(0)
            self._until = monotonic() + self._seconds
