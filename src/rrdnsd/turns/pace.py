"""Long work on the event loop in short turns, so that probes and everybody else have theirs in between."""

import asyncio
from itertools import count
from time import monotonic

SECONDS = 0.003
"""How long a turn is. Shorter ones make long work longer: each rest lasts as long as a turn of all the others."""

MOST_SECONDS = 0.020
"""How long a turn is at most for which somebody waits."""


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


Ticket = tuple[bool, int]
"""Whether it is made behind, and a number: the least is served first."""


class Readers:
    """Those who wait for an answer: one of them is served after the other, in the order in which they came.

    All of them get theirs sooner than if they took turns with each other, and the event loop has but one of them to
    go round. Where it is busy with other things, a turn is as long as the rest before it: answers get half of it.
    What is made behind, for those who will ask, has short turns while nobody waits.
    """

    def __init__(self) -> None:
        self._tickets = count()
        self.waiting: set[Ticket] = set()
        """The tickets of those whose turn is over, and whose work is not."""
        self.turn = SECONDS
        """How long a turn is, as busy as the event loop was last."""

    def turns(self) -> "ReaderTurns":
        """Let somebody come: return what counts the turns."""
        return ReaderTurns(self, (False, next(self._tickets)))

    def behind(self) -> "ReaderTurns":
        """Begin what nobody waits for: return what counts the turns."""
        return ReaderTurns(self, (True, next(self._tickets)))


class ReaderTurns:
    """Counts the turns of one for whom somebody waits. Who needs no more than one turn does not queue."""

    def __init__(self, readers: Readers, ticket: Ticket) -> None:
        self._readers = readers
        self._ticket = ticket
        self._needed: list[ReaderTurns] = []
        self._until = monotonic() + (SECONDS if readers.waiting else self._turn)

    @property
    def behind(self) -> bool:
        """Tell if nobody waits for it."""
        return self._ticket[0]

    @property
    def _turn(self) -> float:
        return SECONDS if self.behind else self._readers.turn

    def need(self, other: "ReaderTurns") -> None:
        """Take note that this waits for another, which hurries if this does."""
        if self.behind:
            self._needed.append(other)
        else:
            other.hurry()

    def hurry(self) -> None:
        """Somebody waits for it after all: serve him as if he had asked for it at the beginning."""
        if not self.behind:
            return
        waiting, before = self._readers.waiting, self._ticket
        self._ticket = False, before[1]
        if before in waiting:
            waiting.discard(before)
            waiting.add(self._ticket)
        for other in self._needed:
            other.hurry()

    async def rest(self) -> None:
        """Let the others go first if this turn is over, and those readers who came before."""
        left = monotonic()
        if left < self._until:
            return
        waiting = self._readers.waiting
        waiting.add(self._ticket)
        try:
            await asyncio.sleep(0)
            # Each time round, one of those who came before does some work.
            while min(waiting) < self._ticket:
                left = monotonic()
                await asyncio.sleep(0)
        finally:
            waiting.discard(self._ticket)
        now = monotonic()
        self._readers.turn = min(max(SECONDS, now - left), MOST_SECONDS)
        self._until = now + self._turn
