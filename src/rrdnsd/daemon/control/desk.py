"""The daemon as its operators see it: the one implementation of `control.base.Control`."""

from collections.abc import AsyncIterator

from rrdnsd.control.base import OrderError, Problem
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
from rrdnsd.daemon.control.chronicle import event_report, wanted_of
from rrdnsd.daemon.control.cluster import health_report
from rrdnsd.daemon.control.drafting import known_endpoint, known_service
from rrdnsd.daemon.control.execution import Execution
from rrdnsd.daemon.control.explain import explain
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.control.past import audit_page, check_span, history_report, runs_report
from rrdnsd.daemon.control.ready import ready_report
from rrdnsd.daemon.control.reporter import Reporter
from rrdnsd.daemon.control.status import status_report
from rrdnsd.errors import StoreError
from rrdnsd.store.audit import AuditFilter
from rrdnsd.turns import Readers, ReaderTurns


class Desk:
    """Answers questions from what is known here, and has orders carried out."""

    def __init__(self, office: Office, readers: Readers) -> None:
        self._office = office
        self._execution = Execution(office)
        self._reporter = Reporter(office, readers)

    @property
    def revision(self) -> int:
        """A number that grows with every change of what is shown."""
        return self._office.pulse.revision

    async def changed(self, revision: int) -> int:
        """Wait until the revision is another than this one, and return it."""
        return await self._office.pulse.changed(revision)

    def status(self, service: str | None = None) -> StatusReport:
        """Return all there is to see, of all services or of one."""
        scene = self._office.scene()
        return status_report(scene, None if service is None else known_service(scene, service))

    async def overview(self, pace: ReaderTurns | None = None) -> StatusReport:
        """Return all there is to see of all services, made in short turns."""
        return await self._reporter.report(pace)

    def passes(self, report: StatusReport) -> bool:
        """Tell if a report may be shown while the next one is made: among many changes, and later than every order."""
        return self._reporter.passes(report)

    def heeds(self, report: StatusReport) -> bool:
        """Tell if a report was begun after the last order."""
        return self._reporter.heeds(report)

    def health(self) -> HealthReport:
        """Tell how the daemon itself is doing."""
        return health_report(self._office.scene(), self._office.troubles)

    def ready(self) -> ReadyReport:
        """Tell if this node can do its part."""
        office = self._office
        warnings = [*filter(None, [office.file.trouble]), *office.watched.waiting]
        return ready_report(office.scene(), office.store.database.trouble, warnings)

    def explain(self, service: str, address: str | None = None) -> Explanation:
        """Say why each address of a service, or one, is in DNS or not."""
        scene = self._office.scene()
        if address is None:
            return explain(scene, known_service(scene, service))
        return explain(scene, *known_endpoint(scene, service, address))

    async def events(self, wanted: EventFilter, limit: int = 100) -> EventsPage:
        """Find events."""
        try:
            found = await self._office.store.events.query(wanted_of(wanted), limit + 1)
        except StoreError as error:
            raise _unreadable(error) from error
        return EventsPage([event_report(event) for event in found[:limit]], more=len(found) > limit)

    def follow(self, wanted: EventFilter) -> AsyncIterator[EventReport]:
        """Go through events as they happen."""
        return self._office.chronicle.follow(wanted)

    async def history(
        self, since: float, until: float, step: int, service: str | None = None, address: str | None = None
    ) -> HistoryReport:
        """Return uptime and latency."""
        check_span(since, until, step)
        try:
            found = await self._office.store.history.spans(
                since, until, step=step, service=service, endpoint=address
            )
        except StoreError as error:
            raise _unreadable(error) from error
        return history_report(since, until, step, found)

    async def runs(self, since: float, until: float, service: str, address: str | None = None) -> RunsReport:
        """Return recorded probes."""
        check_span(since, until)
        config = self._office.watched.config
        known_service(self._office.scene(), service)
        watched = next(found for found in config.services if found.fqdn == service)
        try:
            found = await self._office.store.runs.query(since, until, service, address)
        except StoreError as error:
            raise _unreadable(error) from error
        return runs_report(config.effective(watched), found)

    async def audit(self, limit: int = 100, before_id: int | None = None) -> AuditPage:
        """Return who changed what."""
        try:
            rows = await self._office.store.audit.query(AuditFilter(before_id=before_id), limit + 1)
        except StoreError as error:
            raise _unreadable(error) from error
        return audit_page(rows, limit)

    def export(self) -> Exported:
        """Return the configuration file that would lead to what is watched now."""
        return self._office.watched.export()

    async def order(self, order: Order, by: str) -> Outcome:
        """Carry out an order."""
        return await self._execution.order(order, by)


def _unreadable(error: StoreError) -> OrderError:
    return OrderError("unavailable", [Problem("", str(error))])
