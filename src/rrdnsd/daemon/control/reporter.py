"""The report on everything, made for all who ask, and for how long it may be shown."""

from rrdnsd.control.reports import StatusReport
from rrdnsd.daemon.control.again import Kept
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.control.status import overview
from rrdnsd.turns import Ahead, Readers, ReaderTurns

FRESH = 1.0
"""Seconds for which a report on everything may be shown again while nothing has changed but figures."""

OLDEST = 2.0
"""Seconds for which it may be shown, while the next is made, of many services."""

MANY = 100
"""So many services are reported on at once without anybody noticing; of more, readers may be shown the last report."""

FEW = 100
"""So many changes since the last report are missed by somebody who knows of one of them; among more, one report is like another."""


class Reporter:
    """Makes one report after the other."""

    def __init__(self, office: Office, readers: Readers) -> None:
        self._office = office
        self._kept = Kept()
        self._reports = Ahead(self._make, readers, FRESH)
        self._digest, self._nodes = "", 0
        self._config: object = None
        self._since = 0.0

    async def report(self, pace: ReaderTurns | None) -> StatusReport:
        """Return all there is to see of all services, made in short turns.

        Readers who ask within a second and between two changes are shown the same report; so are those who ask
        while the one before is made.
        """
        return await self._reports.newest(pace)

    def passes(self, report: StatusReport) -> bool:
        """Tell if a report may be shown while the next one is made: among many changes, and later than every order."""
        missed, age = self._office.pulse.revision - report.revision, self._office.wall() - report.now
        return (
            len(report.services) > MANY
            and (missed == 0 or missed > FEW)
            and 0 <= age < OLDEST
            and self.heeds(report)
        )

    def heeds(self, report: StatusReport) -> bool:
        """Tell if a report was begun after the last order, change of nodes and other configuration."""
        return self._known and report.now >= self._since

    async def _make(self, last: StatusReport | None, pace: ReaderTurns) -> StatusReport:
        scene = self._office.scene()
        fresh = last and last.revision == scene.revision and 0 <= scene.wall - last.now < FRESH
        if last and fresh and self.heeds(last):
            return last
        if not self._known:
            office = self._office
            self._digest, self._nodes = office.book.ledger.digest, office.membership.version
            self._config, self._since = office.watched.config, round(scene.wall, 3)
        return await overview(scene, self._kept, pace)

    @property
    def _known(self) -> bool:
        """Tell if there were no other orders, nodes and configuration when a report was begun last."""
        office = self._office
        return (
            self._digest == office.book.ledger.digest
            and self._nodes == office.membership.version
            and self._config is office.watched.config
        )
