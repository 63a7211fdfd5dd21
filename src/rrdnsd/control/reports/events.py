"""What happened, and what was carried out for whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; None means all. `since` is included, `until` and the ids are not."""

    service: str | None = None
    address: str | None = None
    kinds: tuple[str, ...] | None = None
    since: float | None = None
    until: float | None = None
    before_id: int | None = None
    after_id: int | None = None


@dataclass(frozen=True, slots=True)
class EventReport:
    """One thing that happened."""

    id: int
    at: float
    kind: str
    service: str
    address: str
    node: str
    text: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Some events. `more` tells if there are more in the direction of the question."""

    events: list[EventReport]
    more: bool


@dataclass(frozen=True, slots=True)
class AuditReport:
    """One request that was carried out; `after` says if it changed something."""

    id: int
    at: float
    who: str
    action: str
    target: str
    why: str
    before: object
    after: object
    request_id: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some audit rows, the newest first."""

    rows: list[AuditReport]
    more: bool
