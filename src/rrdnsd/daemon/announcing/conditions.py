"""What holds now, as far as people may want to know: one condition for each subject, with since when and why."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from rrdnsd.core.telling import Kind, Severity

FINE = "fine"
"""The state of everything that is no trouble."""


class Subject(NamedTuple):
    """What a condition is about: an endpoint (`detail` is its address), a zone on a server, a node."""

    kind: Kind
    service: str = ""
    detail: str = ""

    @property
    def text(self) -> str:
        """Return it as text, for marks and files."""
        return "|".join(self)


class Sort(NamedTuple):
    """What goes for a kind: the words of its states, and how many seconds either must hold before it is told."""

    severity: Severity
    trouble: str
    fine: str
    hold: float = 0.0
    hold_fine: float = 0.0


SORTS: Mapping[Kind, Sort] = MappingProxyType(
    {
        Kind.ENDPOINT: Sort(Severity.WARNING, "down", "up"),
        Kind.SERVICE: Sort(Severity.CRITICAL, "down", "up"),
        Kind.FAIL_OPEN: Sort(Severity.WARNING, "open", "closed"),
        Kind.DNS: Sort(Severity.CRITICAL, "failing", "working", hold=60.0),
        # Looked at name by name, so that between two looks it may seem to be over.
        Kind.GUARD: Sort(Severity.CRITICAL, "refusing", "content", hold_fine=120.0),
        Kind.QUORUM: Sort(Severity.CRITICAL, "lost", "back", hold=10.0, hold_fine=2.0),
        Kind.NODE: Sort(Severity.WARNING, "missing", "back", hold=10.0, hold_fine=2.0),
        Kind.CERTIFICATE: Sort(Severity.WARNING, "expiring", "renewed"),
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds of a subject `since` a moment on the monotonic clock, `at` in epoch seconds.

    `began` is when its trouble began, in epoch seconds, None if this node did not see it. `own` means that no other
    node can know.
    """

    subject: Subject
    state: str
    severity: Severity
    text: str
    since: float
    at: float
    began: float | None
    own: bool = False

    @property
    def trouble(self) -> bool:
        """Tell if it is one."""
        return self.state != FINE

    @property
    def hold(self) -> float:
        """Return for how many seconds it must hold before it is told."""
        sort = SORTS[self.subject.kind]
        return sort.hold if self.trouble else sort.hold_fine


class Conditions:
    """All of them. `clock` is monotonic, `wall` tells epoch seconds."""

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self.clock = clock
        self.wall = wall
        self._held: dict[str, Condition] = {}
        self._followers: list[Callable[[Condition], bool]] = []

    def __iter__(self) -> Iterator[Condition]:
        """Go through them as they are now."""
        return iter([*self._held.values()])

    def __len__(self) -> int:
        """Count them."""
        return len(self._held)

    def get(self, subject: str) -> Condition | None:
        """Return what holds of a subject; None means that this node has no opinion."""
        return self._held.get(subject)

    def follow(self, look: Callable[[Condition], bool]) -> None:
        """Let this be called with each change; it returns True if people know something else."""
        self._followers.append(look)

    def trouble(
        self,
        subject: Subject,
        text: str,
        *,
        state: str = "",
        severity: Severity | None = None,
        own: bool = False,
    ) -> None:
        """Note a trouble; one that is known already keeps its beginning and gets the newer text."""
        sort = SORTS[subject.kind]
        self._set(subject, state or sort.trouble, severity or sort.severity, text, own=own)

    def fine(self, subject: Subject, text: str = "") -> None:
        """Note that there is no trouble."""
        key = subject.text
        old = self._held.get(key)
        severity = old.severity if old else SORTS[subject.kind].severity
        self._set(subject, FINE, severity, text, own=bool(old and old.own))

    def forget(self, subject: str) -> None:
        """Have no opinion any more."""
        self._held.pop(subject, None)

    def settle(self, subject: str) -> None:
        """Forget a subject that is fine, if nobody waits to hear that: so that what is held is bounded by trouble."""
        found = self._held.get(subject)
        if found and not found.trouble and not self._show(found):
            del self._held[subject]

    def _set(self, subject: Subject, state: str, severity: Severity, text: str, *, own: bool) -> None:
        key = subject.text
        old = self._held.get(key)
        if old and old.state == state:
            if text and text != old.text:
                self._held[key] = replace(old, text=text)
            return
        at = self.wall()
        began = old.began if old and old.trouble else None
        if began is None and state != FINE:
            began = at
        made = Condition(subject, state, severity, text, self.clock(), at, began, own)
        self._held[key] = made
        if not self._show(made) and not made.trouble:
            del self._held[key]

    def _show(self, condition: Condition) -> bool:
        waiting = [look(condition) for look in self._followers]  # all of them: each takes note of it
        return any(waiting)
