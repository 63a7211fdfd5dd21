"""What the HTTP interface may ask of the daemon, and the errors it may get for an answer."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rrdnsd.control.orders import Order
from rrdnsd.control.reports import (
    AuditPage,
    EventFilter,
    EventReport,
    EventsPage,
    Explanation,
    Exported,
    HealthReport,
    HistoryReport,
    Outcome,
    ReadyReport,
    RunsReport,
    StatusReport,
)
from rrdnsd.errors import RrdnsdError
from rrdnsd.turns import ReaderTurns

Trouble = Literal["invalid", "not found", "conflict", "unavailable"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a request: the field (`config.ipaddrs[0]`, "" for the whole) and the sentence about it."""

    field: str
    sentence: str


class OrderError(RrdnsdError):
    """An order or a question that cannot be carried out; nothing has changed.

    "invalid" is the request's fault, "not found" names nothing known, "conflict" does not fit the present
    state, "unavailable" may work later (the disk is full, no quorum).
    """

    def __init__(self, trouble: Trouble, problems: Sequence[Problem]) -> None:
        self.trouble = trouble
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.field}: {p.sentence}" if p.field else p.sentence for p in problems))


class Control(Protocol):
    """The daemon as its operators see it. What does not wait reads memory only; nothing blocks the event loop.

    Every method may raise OrderError. Times are epoch seconds, durations are seconds.
    """

    @property
    def revision(self) -> int:
        """A number that grows with every change of what `status` returns, but for counters and ages."""

    async def changed(self, revision: int) -> int:
        """Wait until the revision is another than this one, and return it."""

    def status(self, service: str | None = None) -> StatusReport:
        """Return all there is to see, of all services or of one."""

    async def overview(self, pace: ReaderTurns | None = None) -> StatusReport:
        """Return all there is to see of all services, as `status` does; others have their turns meanwhile.

        It is made at this pace; without one somebody waits for it.
        """

    def passes(self, report: StatusReport) -> bool:
        """Tell if a report on all services may be shown while the next one is made.

        It is one of many services; nothing or a lot has changed since; it is two seconds old at the most, and heeds
        every order.
        """

    def heeds(self, report: StatusReport) -> bool:
        """Tell if a report was begun after the last order, change of nodes and other configuration."""

    def health(self) -> HealthReport:
        """Tell how the daemon itself is doing."""

    def ready(self) -> ReadyReport:
        """Tell if this node can do its part, and what it waits for."""

    def explain(self, service: str, address: str | None = None) -> Explanation:
        """Say why each address of a service, or one, is in DNS or not."""

    async def events(self, wanted: EventFilter, limit: int = 100) -> EventsPage:
        """Find events, the newest first; with `after_id` those that follow it, the oldest first."""

    def follow(self, wanted: EventFilter) -> AsyncIterator[EventReport]:
        """Go through the events after `after_id` (without it: from now on), and wait for more, without end."""

    async def history(
        self, since: float, until: float, step: int, service: str | None = None, address: str | None = None
    ) -> HistoryReport:
        """Return uptime and latency in spans of `step` seconds, a multiple of 60."""

    async def runs(self, since: float, until: float, service: str, address: str | None = None) -> RunsReport:
        """Return recorded probes, run-length encoded."""

    async def audit(self, limit: int = 100, before_id: int | None = None) -> AuditPage:
        """Return who changed what, the newest first."""

    def export(self) -> Exported:
        """Return the configuration file that would lead to what is watched now."""

    async def order(self, order: Order, by: str) -> Outcome:
        """Carry out an order of somebody: check it whole, save it with its audit row, apply it, tell the peers.

        Cancelling a call does not undo it.
        """
