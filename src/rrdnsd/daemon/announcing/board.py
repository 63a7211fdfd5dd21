"""What people know by one notifier, how that differs from what holds, and what of the difference is to be told now.

It is level-triggered, as the keeping of DNS is: a message is due while what people were last told differs from what
holds. So nothing is told twice, what a restart or another node's end left open is told then, and what came and
went before anybody was told is not told at all. Nothing here waits or does input and output.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rrdnsd.core.telling import Kind, Severity, Told
from rrdnsd.daemon.announcing.conditions import FINE, Condition, Conditions

PATIENCE = 30.0
"""Seconds that a node gives each one before it in the order to tell, while that one is heard."""

FORGOTTEN = 3600.0
"""Seconds after which it is forgotten that people were told that something is fine."""

MOST = 50_000
"""Subjects that are remembered at most."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one notifier is told of, and how; times in seconds, 0 switches `remind` and `flap_changes` off.

    A service matches one of `services` by name, or by what follows `*`; none of them means all.
    """

    services: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()
    severity: Severity = Severity.INFO
    batch: float = 1.5
    remind: float = 0.0
    flap_changes: int = 4
    flap_window: float = 600.0

    def take(self, condition: Condition) -> bool:
        """Tell if it is for this notifier. That a trouble is over is told wherever it was told itself."""
        subject = condition.subject
        if condition.severity < self.severity or (self.kinds and subject.kind not in self.kinds):
            return False
        service = subject.service
        if not service or not self.services:
            return True
        return any(
            service.endswith(named[1:]) if named.startswith("*") else service == named
            for named in self.services
        )


@dataclass(slots=True)
class _Known:
    """What people were told last, and when on the monotonic clock."""

    state: str
    seq: int
    at: float


@dataclass(frozen=True, slots=True)
class Item:
    """A condition that is to be told, and the mark that is made when it was. `before` names what people knew."""

    condition: Condition
    mark: Told
    before: str
    reminder: bool = False
    flapping: bool = False


class Board:
    """One notifier's view. `quiet` tells if a condition must not be told for now."""

    def __init__(self, name: str, rules: Rules, conditions: Conditions) -> None:
        self.name = name
        self.rules = rules
        self._conditions = conditions
        self._known: dict[str, _Known] = {}
        self._queued: dict[str, tuple[str, int]] = {}
        self._open: dict[str, float] = {}
        """Subjects about which people must hear something, and since when."""
        self._changes: dict[str, deque[float]] = {}
        self._recalling = False
        conditions.follow(self.consider)

    @property
    def open(self) -> tuple[str, ...]:
        """Subjects of which people know something else than holds."""
        return tuple(self._open)

    def recall(self) -> None:
        """Wait with judging until `recalled`: what people know from an earlier process is still being read.

        Else the end of a trouble that came meanwhile would be forgotten, because nobody here knew of the trouble.
        """
        self._recalling = True

    def recalled(self) -> None:
        """Judge what has come up meanwhile."""
        self._recalling = False
        for condition in self._conditions:
            self.consider(condition)
            self._conditions.settle(condition.subject.text)

    def consider(self, condition: Condition) -> bool:
        """Take note of a condition; returns True if people know something else of it."""
        key = condition.subject.text
        if self._recalling:
            return self.rules.take(condition)
        if not self.rules.take(condition) or self._last(key) == condition.state:
            self._open.pop(key, None)
            return key in self._queued
        self._open.setdefault(key, self._conditions.clock())
        return True

    def ready_at(self, condition: Condition, before: Sequence[str]) -> float:
        """Return when this is to be told by a node that comes after these. No node tells that it is away itself."""
        about = condition.subject.detail if condition.subject.kind is Kind.NODE else ""
        wait = 0.0 if condition.own else PATIENCE * sum(node != about for node in before)
        hold = self.rules.flap_window if self._flaps(condition.subject.text) else 0.0
        opened = self._open.get(condition.subject.text, condition.since)
        return max(condition.since + max(condition.hold, hold), opened) + wait

    def ready(
        self, subjects: Iterable[str], before: Sequence[str], quiet: Callable[[Condition], bool]
    ) -> list[Condition]:
        """Return which of these open subjects are to be told, were it not for batching."""
        now = self._conditions.clock()
        found = []
        for subject in subjects:
            condition = self._conditions.get(subject)
            if condition is None:
                self._open.pop(subject, None)
            elif subject in self._open and self.ready_at(condition, before) <= now and not quiet(condition):
                found.append(condition)
        return found

    def due_reminders(self, before: Sequence[str], quiet: Callable[[Condition], bool]) -> list[Condition]:
        """Return the troubles that people were told of too long ago."""
        if not self.rules.remind:
            return []
        limit = self._conditions.clock() - self.rules.remind - PATIENCE * len(before)
        old = [
            key
            for key, known in self._known.items()
            if known.state != FINE and known.at <= limit and key not in self._queued and key not in self._open
        ]
        held = [condition for key in old if (condition := self._conditions.get(key))]
        return [c for c in held if c.trouble and self.rules.take(c) and not quiet(c)]

    def take(self, condition: Condition, *, reminder: bool = False) -> Item:
        """Note that this is on its way."""
        key = condition.subject.text
        known = self._known.get(key)
        before = f"{known.state}.{known.seq}" if known else ""
        queued = self._queued.get(key)
        latest = max(known.seq if known else 0, queued[1] if queued else 0)
        # Not only counted: a node that has forgotten a subject must not fall behind those that have not.
        seq = max(latest + 1, int(self._conditions.wall()))
        self._queued[key] = (condition.state, seq)
        self._open.pop(key, None)
        flapping = False
        if not reminder:
            self._note_change(key)
            flapping = self._flaps(key)
        return Item(condition, Told(self.name, key, condition.state, seq), before, reminder, flapping)

    def expect(self, mark: Told) -> None:
        """Note that an earlier process left this on its way."""
        self._queued[mark.subject] = (mark.state, mark.seq)

    def hear(self, mark: Told) -> bool:
        """Take in what people know now: a delivery of this node's, or another's; returns True if that is news."""
        key, now = mark.subject, self._conditions.clock()
        known = self._known.get(key)
        if known is not None and (known.seq, known.state) >= (mark.seq, mark.state):
            return False
        if known is None and len(self._known) >= MOST:
            return False
        queued = self._queued.get(key)
        if queued and queued[1] <= mark.seq:
            del self._queued[key]
        elif not queued and (known is None or known.state != mark.state):
            self._note_change(key)
        self._known[key] = _Known(mark.state, mark.seq, now)
        condition = self._conditions.get(key)
        if condition is not None:
            self.consider(condition)
            self._conditions.settle(key)
        return True

    def is_settled(self, mark: Told) -> bool:
        """Tell if people know this, or what came after it, by another message."""
        known = self._known.get(mark.subject)
        return known is not None and (known.seq, known.state) >= (mark.seq, mark.state)

    def give_up(self, mark: Told) -> None:
        """Take it as told: it was dropped, and trying for ever would help nobody."""
        self.hear(mark)

    def marks(self) -> list[Told]:
        """Return what people know, for nodes and processes that come later."""
        return [Told(self.name, key, known.state, known.seq) for key, known in self._known.items()]

    def prune(self) -> None:
        """Forget what people were told to be fine long ago."""
        limit = self._conditions.clock() - FORGOTTEN
        for key in [key for key, known in self._known.items() if known.state == FINE and known.at <= limit]:
            del self._known[key]
        window = self._conditions.clock() - self.rules.flap_window
        for key in [key for key, times in self._changes.items() if times[-1] <= window]:
            del self._changes[key]

    def _last(self, key: str) -> str:
        if key in self._queued:
            return self._queued[key][0]
        known = self._known.get(key)
        return known.state if known else FINE

    def _note_change(self, key: str) -> None:
        if self.rules.flap_changes:
            times = self._changes.setdefault(key, deque(maxlen=self.rules.flap_changes))
            times.append(self._conditions.clock())

    def _flaps(self, key: str) -> bool:
        """Tell if people were told of so many changes lately that the next one can wait until it lasts."""
        times = self._changes.get(key)
        if not times or len(times) < self.rules.flap_changes:
            return False
        return times[0] > self._conditions.clock() - self.rules.flap_window
