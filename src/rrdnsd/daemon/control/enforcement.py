"""Brings the ledger into force: what it says now is what the engine decides by and what is watched."""

from collections.abc import Callable, Sequence

from rrdnsd.core.events import Ordered
from rrdnsd.core.ledger import Entry, Ledger
from rrdnsd.core.orders import overrides
from rrdnsd.daemon.control.chronicle import Chronicle
from rrdnsd.daemon.control.standing import is_change, place, sentence
from rrdnsd.daemon.runtime import Runtime

JUMP = 1.0
"""Seconds by which the time of day may move against the monotonic clock until ends of orders are computed anew."""


class Enforcement:
    """Knows what the engine was last told. `follow` has the configuration brought in line with the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        runtime: Runtime,
        chronicle: Chronicle,
        follow: Callable[[], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._runtime = runtime
        self._chronicle = chronicle
        self._follow = follow
        self._clock = clock
        self._wall = wall
        self._offset = wall() - clock()

    def enforce(self, news: Sequence[Entry]) -> None:
        """Bring new entries into force and write them down."""
        for entry in news:
            self._chronicle.note(
                "order",
                sentence(entry),
                *place(entry),
                {"order": entry.key, "taken_by": entry.stamp.node, "lifted": entry.value is None},
            )
        if any(is_change(entry.key) for entry in news):
            self._follow()
        if not all(is_change(entry.key) for entry in news):
            self.decide()

    def decide(self) -> None:
        """Let the engine decide by the orders that stand now."""
        now, wall = self._clock(), self._wall()
        self._offset = wall - now
        self._runtime.handle(Ordered(overrides(self._ledger, wall, now)))

    def heed_the_time(self) -> None:
        """Compute the ends of orders anew if the time of day has jumped."""
        if abs(self._wall() - self._clock() - self._offset) > JUMP:
            self.decide()
