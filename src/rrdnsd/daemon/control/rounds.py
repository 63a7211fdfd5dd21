"""What has to be looked at again and again: the time of day, drains that become safe, DNS that others changed."""

import asyncio

from rrdnsd.core.model import EndpointKey
from rrdnsd.core.orders import key as order_key
from rrdnsd.core.override import Kind, Override
from rrdnsd.daemon.control.drains import confirm, drain_report
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.control.standing import is_over
from rrdnsd.daemon.control.words import clock

SECONDS = 0.5


class Rounds:
    """Goes round, and beats the pulse when something has changed that nobody reports."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._reads: dict[tuple[str, str], int] = {}
        self._served: dict[tuple[str, str], int] = {}
        self._safe: dict[EndpointKey, bool] = {}
        self._timed: set[str] = set()
        self._troubles: list[str] = []

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            await asyncio.sleep(SECONDS)
            self.once()

    def once(self) -> None:
        """Look at everything once."""
        office = self._office
        office.enforcement.heed_the_time()
        everywhere = office.known_everywhere
        confirm(office.confirmed, office.book.ledger, office.clock(), everywhere=everywhere)
        troubles = office.troubles
        # All of them are asked: each remembers what it has seen.
        news = (self._dns_changed(), self._drains_changed(), self._maintenance_over())
        if any(news) or troubles != self._troubles:
            office.pulse.beat()
        self._troubles = troubles

    def _dns_changed(self) -> bool:
        changed = False
        for (_, zone), group in self._office.runtime.keepers.items():
            for keeper in group:
                place, reads = (keeper.server, zone), keeper.status.reads
                if self._reads.get(place) == reads:
                    continue
                self._reads[place] = reads
                served = hash(frozenset(keeper.served.items()))
                changed = changed or self._served.get(place) != served
                self._served[place] = served
        return changed

    def _drains_changed(self) -> bool:
        office = self._office
        engine = office.runtime.engine
        drained = [o for o in engine.overrides if o.kind is Kind.DRAIN]
        keys = self._covered(drained)
        scene = office.scene() if keys else None
        safe = {key: bool(scene and (r := drain_report(scene, key)) and r.safe) for key in keys}
        for key, is_safe in safe.items():
            if is_safe and self._safe.get(key) is False:
                now = clock(office.wall(), office.wall())
                office.chronicle.note(
                    "order", f"{key.address} of {key.service}: safe to stop since {now}", *key
                )
        changed = safe != self._safe
        self._safe = safe
        return changed

    def _maintenance_over(self) -> bool:
        """Write down which maintenance has come to its end by itself."""
        office = self._office
        wall, ledger = office.wall(), office.book.ledger
        before = self._timed
        self._timed = {
            order_key("maintenance", found.service)
            for found in office.runtime.engine.overrides
            if found.kind is Kind.MAINTENANCE and found.until is not None and found.active(office.clock())
        }
        ended = [
            entry
            for name in sorted(before - self._timed)
            if (entry := ledger.get(name)) and is_over(entry, wall)
        ]
        for entry in ended:
            service = entry.key.partition("|")[2]
            office.chronicle.note("order", f"{service or 'the cluster'}: the maintenance is over", service)
        return bool(ended)

    def _covered(self, drained: list[Override]) -> list[EndpointKey]:
        services = self._office.runtime.engine.services
        return [
            EndpointKey(fqdn, order.address)
            for order in drained
            for fqdn in ([order.service] if order.service else services)
            if fqdn in services and EndpointKey(fqdn, order.address) in self._office.runtime.engine.endpoints
        ]
