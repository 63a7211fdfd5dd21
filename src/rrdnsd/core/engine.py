"""The one mutable object that decides. One task owns it: `handle(event, now)` returns the effects.

A probe result that confirms what is known, which is nearly every one, costs a look-up and a comparison.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rrdnsd.core import health, override, quorum
from rrdnsd.core.effects import Effect, Publish, Recheck, Retire, ServiceTransition, Transition
from rrdnsd.core.events import Event, Ordered, Probed, Reconfigured, Ticked
from rrdnsd.core.health import Opinion
from rrdnsd.core.model import EndpointKey, ProbeResult, Service, State
from rrdnsd.core.override import Effective, Override
from rrdnsd.core.publish import Publication, publish
from rrdnsd.core.quorum import Ballot


@dataclass(slots=True)
class EndpointStatus:
    """Everything known of one endpoint. `verdict` is the quorum's; the opinion is only this node's."""

    service: Service
    opinion: Opinion = field(default_factory=Opinion)
    ballots: dict[str, Ballot] = field(default_factory=dict)
    verdict: State = State.UNKNOWN
    verdict_since: float = 0.0
    reason: str = ""
    pending: bool = True
    suspected_at: float | None = None
    last: ProbeResult | None = None


class Engine:
    """Turns probe results and votes into verdicts, and verdicts into what shall be published."""

    def __init__(self, me: str, nodes: tuple[str, ...], services: tuple[Service, ...], now: float) -> None:
        self._me = me
        self._nodes = nodes
        self._services: dict[str, Service] = {}
        self._endpoints: dict[EndpointKey, EndpointStatus] = {}
        self._overrides: tuple[Override, ...] = ()
        self._publications: dict[str, Publication] = {}
        self._service_states: dict[str, State] = {}
        self.handle(Reconfigured(services), now)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in what happened at `now` (seconds, monotonic) and return what is to be done."""
        match event:
            case Probed(results):
                return self._probed(results, now)
            case Ordered(overrides):
                affected = self._covered(self._overrides) | self._covered(overrides)
                self._overrides = overrides
                return self._publish(affected, now)
            case Reconfigured(services):
                return self._reconfigured(services, now)
            case Ticked():
                return self._ticked(now)

    @property
    def services(self) -> Mapping[str, Service]:
        """The services by name."""
        return self._services

    @property
    def endpoints(self) -> Mapping[EndpointKey, EndpointStatus]:
        """Every endpoint's status."""
        return self._endpoints

    @property
    def publications(self) -> Mapping[str, Publication]:
        """What shall be published now, by service."""
        return self._publications

    def _probed(self, results: Sequence[tuple[EndpointKey, ProbeResult]], now: float) -> list[Effect]:
        effects: list[Effect] = []
        touched: dict[str, None] = {}
        for key, result in results:
            status = self._endpoints.get(key)
            if status is None:
                continue  # its service was removed while the probe was under way
            status.last = result
            before = status.opinion
            after = health.observe(
                before, ok=result.ok, reason=result.reason, thresholds=status.service.thresholds, now=now
            )
            if after is not before:
                status.opinion = after
                effects += self._opined(key, status, before, now)
                touched[key.service] = None
        return effects + self._publish(touched, now) if touched else effects

    def _opined(self, key: EndpointKey, status: EndpointStatus, before: Opinion, now: float) -> list[Effect]:
        opinion = status.opinion
        if opinion.state is status.verdict and opinion.settled:
            status.suspected_at = None
        elif status.suspected_at is None:
            status.suspected_at = now
        effects: list[Effect] = []
        if opinion.undecided:
            effects.append(Recheck(key, status.service.fast_interval))
        ballot = Ballot(opinion.state, opinion.reason if opinion.state is State.DOWN else "")
        if ballot != Ballot(before.state, before.reason if before.state is State.DOWN else ""):
            status.ballots[self._me] = ballot
            effects += self._count(key, status, now)
        return effects

    def _count(self, key: EndpointKey, status: EndpointStatus, now: float) -> list[Effect]:
        """Count the ballots of one endpoint again. Without a quorum the verdict stands and is pending."""
        before = status.verdict
        decided = quorum.decide(status.ballots, len(self._nodes))
        status.pending = decided is State.UNKNOWN
        if status.pending:
            return []
        status.reason = quorum.explain(decided, status.ballots, len(self._nodes))
        if decided is before:
            return []
        first_seen = status.suspected_at if status.suspected_at is not None else now
        status.verdict, status.verdict_since, status.suspected_at = decided, now, None
        return [Transition(key, before, decided, status.reason, first_seen)]

    def _ticked(self, now: float) -> list[Effect]:
        ended = tuple(o for o in self._overrides if not o.active(now))
        if not ended:
            return []
        self._overrides = tuple(o for o in self._overrides if o.active(now))
        return self._publish(self._covered(ended), now)

    def _reconfigured(self, services: tuple[Service, ...], now: float) -> list[Effect]:
        """Take in a new set of services. An endpoint that is asked the same question keeps its health."""
        old, self._services = self._services, {service.fqdn: service for service in services}
        known, self._endpoints = self._endpoints, {}
        for service in services:
            same = service.fqdn in old and old[service.fqdn].definition == service.definition
            for endpoint in service.endpoints:
                key = EndpointKey(service.fqdn, endpoint.address)
                status = known.get(key) if same else None
                if status is None:
                    status = EndpointStatus(service)
                status.service = service
                self._endpoints[key] = status
        gone = [service for fqdn, service in old.items() if fqdn not in self._services]
        for service in gone:
            del self._publications[service.fqdn]
            self._service_states.pop(service.fqdn, None)
        retired: list[Effect] = [Retire(service.fqdn, service.zone, service.provider) for service in gone]
        return retired + self._publish(self._services, now)

    def _publish(self, services: Iterable[str], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for fqdn in services:
            service = self._services[fqdn]
            states = {
                e.address: self._effective(EndpointKey(fqdn, e.address), now) for e in service.endpoints
            }
            order = override.maintenance(fqdn, self._overrides, now)
            frozen = f"maintenance{f': {order.why}' if order.why else ''}" if order else ""
            publication = publish(service, states, frozen)
            effects += self._whole_service(fqdn, states)
            if publication != self._publications.get(fqdn):
                self._publications[fqdn] = publication
                effects.append(Publish(publication))
        return effects

    def _effective(self, key: EndpointKey, now: float) -> Effective:
        status = self._endpoints[key]
        observed = Effective(status.verdict, status.reason, pending=status.pending)
        return override.effective(observed, key, self._overrides, now) if self._overrides else observed

    def _whole_service(self, fqdn: str, states: Mapping[str, Effective]) -> list[Effect]:
        """Notice when the last endpoint of a service goes down, and when the first one comes back."""
        found = {effective.state for effective in states.values()}
        state = State.UP if State.UP in found else State.UNKNOWN if State.UNKNOWN in found else State.DOWN
        before = self._service_states.get(fqdn, State.UNKNOWN)
        self._service_states[fqdn] = state
        if state is before or State.DOWN not in (state, before):
            return []
        ups = sum(effective.state is State.UP for effective in states.values())
        reason = f"{ups} of {len(states)} endpoints are up"
        return [ServiceTransition(fqdn, state, reason)]

    def _covered(self, overrides: Iterable[Override]) -> set[str]:
        """Return the services that some of these orders are about."""
        names = {o.service for o in overrides}
        return set(self._services) if "" in names else names & self._services.keys()
