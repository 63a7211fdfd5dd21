"""What shall be published of each service: the verdicts and the operators' orders together, decided anew when either changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rrdnsd.core import override
from rrdnsd.core.effects import Effect, Publish, ServiceTransition
from rrdnsd.core.electorate import Electorate
from rrdnsd.core.model import Service, State
from rrdnsd.core.override import Effective, Override
from rrdnsd.core.publish import Publication, publish
from rrdnsd.core.watched import EndpointStatus, Watched


class Publisher:
    """Keeps the publication of every service. `orders` are those that stand."""

    def __init__(self, electorate: Electorate, watched: Watched) -> None:
        self.publications: dict[str, Publication] = {}
        self.orders: tuple[Override, ...] = ()
        self._by_service: Mapping[str, tuple[Override, ...]] = {}
        self._electorate = electorate
        self._watched = watched
        self._states: dict[str, State] = {}

    def order(self, orders: tuple[Override, ...]) -> None:
        """Go by these orders from now on; the services that they cover, and those before, are to be published anew."""
        self.orders, self._by_service = orders, override.by_service(orders)

    def covered(self, orders: Iterable[Override]) -> list[str]:
        """Return the services that some of these orders are about."""
        names = {o.service for o in orders}
        return [fqdn for fqdn in self._watched.services if fqdn in names or "" in names]

    def forget(self, old: Iterable[str], gone: Iterable[str]) -> None:
        """Drop the publications of those that are `gone`, and of all `old` services the state of those without endpoints."""
        for fqdn in gone:
            del self.publications[fqdn]
        services = self._watched.services
        for fqdn in old:
            if fqdn not in services or not services[fqdn].endpoints:
                self._states.pop(fqdn, None)

    def publish(self, fqdn: str, no_quorum: str, now: float) -> list[Effect]:
        """Decide what is published of a service, whose ballots are counted. `no_quorum` is why nothing may be written at all."""
        states = self._effective(fqdn, now)
        publication = self._publication(self._watched.services[fqdn], states, no_quorum, now)
        effects = self._whole_service(fqdn, states) if states else []
        if publication != self.publications.get(fqdn):
            self.publications[fqdn] = publication
            effects.append(Publish(publication))
        return effects

    def explain(self, fqdn: str, no_quorum: str, now: float) -> list[Effect]:
        """Say anew why a service is published as it is, and if it may be written, when nothing was decided otherwise."""
        known, held = self.publications[fqdn], self._held(fqdn, no_quorum, now)
        if self._orders_of(fqdn) or (known.held and not held):
            return self.publish(fqdn, no_quorum, now)
        reasons = {status.key.address: status.reason for status in self._watched.of(fqdn)}
        if held == known.held and reasons.items() <= known.reasons.items():
            return []
        publication = replace(known, held=held, reasons={**known.reasons, **reasons})
        self.publications[fqdn] = publication
        return [Publish(publication)]

    def preview(self, orders: tuple[Override, ...], now: float) -> dict[str, Publication]:
        """Return what would be published for each service if these were the orders that stand; changes nothing."""
        standing, no_quorum = self.orders, self._electorate.roster.no_quorum(now)
        self.order(orders)
        try:
            return {
                fqdn: self._publication(service, self._effective(fqdn, now), no_quorum, now)
                for fqdn, service in self._watched.services.items()
            }
        finally:
            self.order(standing)

    def _publication(
        self, service: Service, states: Mapping[str, Effective], no_quorum: str, now: float
    ) -> Publication:
        failover = override.failover(service.fqdn, self._orders_of(service.fqdn), now)
        return publish(service, states, self._held(service.fqdn, no_quorum, now), failover)

    def _effective(self, fqdn: str, now: float) -> dict[str, Effective]:
        orders = self._orders_of(fqdn)
        return {status.key.address: effective(status, orders, now) for status in self._watched.of(fqdn)}

    def _orders_of(self, fqdn: str) -> tuple[Override, ...]:
        if not self._by_service:
            return ()
        return (*self._by_service.get("", ()), *self._by_service.get(fqdn, ()))

    def _held(self, fqdn: str, no_quorum: str, now: float) -> str:
        """Say why nothing may be written for a service; a pause wins over everything."""
        orders = self._orders_of(fqdn)
        paused, frozen = override.pause(orders, now), override.maintenance(fqdn, orders, now)
        if paused:
            return paused.sentence
        return no_quorum or self._electorate.no_accord(fqdn, now) or (frozen.sentence if frozen else "")

    def _whole_service(self, fqdn: str, states: Mapping[str, Effective]) -> list[Effect]:
        """Notice when the last endpoint of a service goes down, and when the first one comes back."""
        found = {effective.state for effective in states.values()}
        state = State.UP if State.UP in found else State.UNKNOWN if State.UNKNOWN in found else State.DOWN
        before = self._states.get(fqdn, State.UNKNOWN)
        self._states[fqdn] = state
        if state is before or State.DOWN not in (state, before):
            return []
        ups = sum(effective.state is State.UP for effective in states.values())
        return [ServiceTransition(fqdn, state, f"{ups} of {len(states)} endpoints are up")]


def effective(status: EndpointStatus, orders: Iterable[Override], now: float) -> Effective:
    """Return what counts for an endpoint of this status under these orders."""
    observed = Effective(status.verdict, status.reason, pending=status.pending, divided=status.divided)
    return override.effective(observed, status.key, orders, now) if orders else observed
