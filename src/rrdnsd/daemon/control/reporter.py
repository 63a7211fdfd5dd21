"""The report on everything, made for all who ask, and for how long it may be shown."""

import asyncio

from rrdnsd.control.reports import StatusReport
from rrdnsd.daemon.control.again import Kept
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.status import overview
from rrdnsd.turns import Readers, ReaderTurns

FRESH = 1.0
"""Seconds for which a report on everything may be shown again while nothing has changed but figures."""

OLDEST = 2.0
"""Seconds for which it may be shown, while the next is made, of many services."""

MANY = 100
"""So many services are reported on at once without anybody noticing; of more, readers may be shown the last report."""

FEW = 10
"""So many changes since the last report are missed by somebody who knows of one of them; among more, one report is like another."""


class Reporter:
    """Makes one report after the other."""

    def __init__(self, office: Office, readers: Readers) -> None:
        self._office = office
        self._readers = readers
        self._making = asyncio.Lock()
        self._pace: ReaderTurns | None = None
        self._last: StatusReport | None = None
        self._kept = Kept()
        self._digest = ""
        self._config: object = None
        self._since = 0.0

    async def report(self, pace: ReaderTurns | None) -> StatusReport:
        """Return all there is to see of all services, made in short turns.

        Readers who ask within a second and between two changes are shown the same report; so are those who ask
        while the one before is made.
        """
        asked, pace = self._office.pulse.revision, pace or self._readers.turns()
        if self._pace and self._making.locked() and not pace.behind:
            self._pace.hurry()
        async with self._making:
            scene, last = self._office.scene(), self._last
            if last is None or last.revision < asked or not 0 <= scene.wall - last.now < FRESH:
                self._pace = pace
                self._note_orders(scene)
                last = self._last = await overview(scene, self._kept, pace)
            return last

    def passes(self, report: StatusReport) -> bool:
        """Tell if a report may be shown while the next one is made: among many changes, and later than every order."""
        missed, age = self._office.pulse.revision - report.revision, self._office.wall() - report.now
        return (
            len(report.services) > MANY
            and (missed == 0 or missed > FEW)
            and 0 <= age < OLDEST
            and self._orders_are_shown
            and report.now >= self._since
        )

    @property
    def _orders_are_shown(self) -> bool:
        """Tell if there were no other orders, and no other configuration, when a report was begun last."""
        return self._digest == self._office.book.ledger.digest and self._config is self._office.watched.config

    def _note_orders(self, scene: Scene) -> None:
        if not self._orders_are_shown:
            self._digest, self._config = self._office.book.ledger.digest, self._office.watched.config
            self._since = round(scene.wall, 3)
