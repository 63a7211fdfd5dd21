"""The one mutable object that decides. One task owns it: `handle(event, now)` returns the effects.

A probe result that confirms what is known, which is nearly every one, costs a look-up and a comparison.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rrdnsd.core import health, override, quorum
from rrdnsd.core.effects import (
    Abstained,
    Effect,
    PeerChanged,
    Publish,
    Recheck,
    Retire,
    ServiceTransition,
    Suspected,
    Transition,
    Voted,
)
from rrdnsd.core.electorate import Electorate
from rrdnsd.core.events import Connectivity, Event, Heard, Ordered, Probed, Reconfigured, Reseated, Ticked
from rrdnsd.core.health import Opinion
from rrdnsd.core.model import EndpointKey, ProbeResult, Service, State
from rrdnsd.core.override import Effective, Override
from rrdnsd.core.publish import Publication, publish
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import Statement


@dataclass(frozen=True, slots=True)
class Timing:
    """The cluster's times in seconds: how long a vote lives unheard, how long a new node only listens."""

    vote_ttl: float = 4.0
    learn: float = 3.0


@dataclass(slots=True)
class EndpointStatus:
    """Everything known of one endpoint. `verdict` is the quorum's; the opinion is only this node's.

    `pending` means that no quorum of fresh ballots stands behind the verdict at the moment, `divided` that a
    quorum of voters has voted all the same. Only `voted_here` does this node probe it and vote on it.
    """

    service: Service
    opinion: Opinion = field(default_factory=Opinion)
    verdict: State = State.UNKNOWN
    verdict_since: float = 0.0
    reason: str = ""
    pending: bool = True
    divided: bool = False
    suspected_at: float | None = None
    rechecked_at: float = float("-inf")
    last: ProbeResult | None = None
    voted_here: bool = True


class Engine:
    """Turns probe results and votes into verdicts, and verdicts into what shall be published."""

    def __init__(
        self,
        me: str,
        nodes: tuple[str, ...],
        services: tuple[Service, ...],
        now: float,
        timing: Timing = Timing(),
    ) -> None:
        self.electorate = Electorate(me, nodes, timing.vote_ttl)
        self._timing = timing
        self._now = now
        self._services: dict[str, Service] = {}
        self._endpoints: dict[EndpointKey, EndpointStatus] = {}
        self._voted_here = 0
        self._overrides: tuple[Override, ...] = ()
        self._orders: Mapping[str, tuple[Override, ...]] = {}
        self._publications: dict[str, Publication] = {}
        self._service_states: dict[str, State] = {}
        self._no_quorum: str | None = None
        """Why nothing may be written, as all publications were decided with it."""
        self.learn(now)
        self.handle(Reconfigured(services), now)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in what happened at `now` (seconds, monotonic) and return what is to be done."""
        effects = self._catch_up(now)
        match event:
            case Probed(results):
                effects += self._probed(results, now)
            case Heard(statement):
                effects += self._heard(statement, now)
            case Ordered(overrides):
                affected = self._covered((*self._overrides, *overrides))
                self._order(overrides)
                effects += self._publish(affected, now)
            case Reconfigured(services):
                effects += self._reconfigured(services, now)
            case Reseated(nodes):
                effects += self.electorate.reseat(nodes, now) + self._take_seats()
                effects += self.electorate.recount(self._voted_here, now) + self._count_all(now)
            case Connectivity(trouble):
                self.electorate.abstention.offline = trouble
            case Ticked():
                effects += self._ticked(now)
        return effects + self._recount(now)

    @property
    def services(self) -> Mapping[str, Service]:
        """The services by name, those included that were removed and whose records are to go."""
        return self._services

    @property
    def overrides(self) -> tuple[Override, ...]:
        """The orders that stand."""
        return self._overrides

    @property
    def endpoints(self) -> Mapping[EndpointKey, EndpointStatus]:
        """Every endpoint's status."""
        return self._endpoints

    @property
    def publications(self) -> Mapping[str, Publication]:
        """What shall be published now, by service."""
        return self._publications

    def learn(self, now: float) -> None:
        """Abstain from now on until every peer was heard, or long enough to have heard all that can be."""
        if self.electorate.size > 1:
            self.electorate.abstention.learning_until = now + self._timing.learn

    def rank(self, subject: str, now: float) -> int:
        """Return this node's place among the writers of a subject; 0 writes at once."""
        return self.electorate.roster.rank(subject, now, abstaining=bool(self.electorate.abstains))

    def _catch_up(self, now: float) -> list[Effect]:
        """Notice that this process stood still: whatever it knew is history, its own opinions included."""
        gap, self._now = now - self._now, now
        if gap <= self._timing.vote_ttl:
            return []
        self.electorate.roster.forget(now)
        self.electorate.recant()
        self.learn(now)
        for status in self._endpoints.values():
            status.opinion, status.suspected_at = Opinion(), None
        return self.electorate.recount(self._voted_here, now) + self._count_all(now)

    def _probed(self, results: Sequence[tuple[EndpointKey, ProbeResult]], now: float) -> list[Effect]:
        effects: list[Effect] = []
        touched: dict[str, None] = {}
        for key, result in results:
            status = self._endpoints.get(key)
            if status is None or not status.voted_here:
                continue  # it was removed, or given to other voters, while the probe was under way
            status.last = result
            before = status.opinion
            after = health.observe(
                before,
                ok=result.ok,
                reason=result.reason,
                thresholds=status.service.thresholds,
                now=now,
                wary=status.verdict is State.DOWN,
            )
            if after is not before:
                status.opinion = after
                effects += self._opined(key, status, before, now)
                touched[key.service] = None
            elif status.suspected_at is not None and after.state is status.verdict:
                status.suspected_at = None  # a peer's suspicion, not confirmed from here
        if not touched:
            return effects
        voted = [effect.key for effect in effects if isinstance(effect, Voted)]
        return effects + self._decide(voted, now) + self._publish(touched, now)

    def _opined(self, key: EndpointKey, status: EndpointStatus, before: Opinion, now: float) -> list[Effect]:
        opinion = status.opinion
        effects: list[Effect] = []
        if opinion.state is status.verdict and opinion.settled:
            status.suspected_at = None
        elif status.suspected_at is None:
            status.suspected_at = now
        if opinion.undecided:
            effects.append(Recheck(key, status.service.fast_interval))
            if not before.failures:
                effects.append(Suspected(key))
        ballot = _ballot(opinion)
        if ballot != _ballot(before):
            self.electorate.vote(key, ballot)
            effects.append(Voted(key))
        return effects

    def _heard(self, statement: Statement, now: float) -> list[Effect]:
        heard, effects = self.electorate.hear(statement, now)
        effects += [effect for key in statement.suspects for effect in self._suspected(key, now)]
        keys = [key for differing in heard.values() for key in differing if key in self._endpoints]
        return effects + self._decide(keys, now) + self._publish(heard, now)

    def _suspected(self, key: EndpointKey, now: float) -> list[Effect]:
        """Look at once at what a peer suspects, but not more often than at the fast interval."""
        status = self._endpoints.get(key)
        if status is None or status.opinion.state is not State.UP or status.opinion.failures:
            return []
        if now - status.rechecked_at < status.service.fast_interval:
            return []
        status.rechecked_at = now
        if status.suspected_at is None:
            status.suspected_at = now
        return [Recheck(key, 0.0)]

    def _decide(self, keys: Sequence[EndpointKey], now: float) -> list[Effect]:
        """Count the ballots of these endpoints, but first settle whose ballots count."""
        for key in keys:
            self.electorate.compare(key, now)
        effects = self._recount(now)
        return effects + [effect for key in keys for effect in self._count(key, self._endpoints[key], now)]

    def _recount(self, now: float) -> list[Effect]:
        """Count everything again if it changed whose ballots count, and judge anew what may be written if who is heard."""
        roster = self.electorate.roster
        heard = roster.heard
        effects = self.electorate.recount(self._voted_here, now)
        if any(isinstance(effect, PeerChanged | Abstained) for effect in effects):
            effects += self._count_all(now)
        elif roster.heard != heard:
            effects += self._publish_where((), now)
        return effects

    def _count_all(self, now: float) -> list[Effect]:
        """Count the ballots of all endpoints, and decide anew what is published where that can be something else."""
        effects: list[Effect] = []
        changed: dict[str, None] = {}
        for key, status in self._endpoints.items():
            before = status.verdict, status.pending, status.divided, status.reason
            effects += self._count(key, status, now)
            if before != (status.verdict, status.pending, status.divided, status.reason):
                changed[key.service] = None
        return effects + self._publish_where(changed, now)

    def _publish_where(self, changed: Collection[str], now: float) -> list[Effect]:
        """Decide anew what is published of these services, and of those that may be written now and might not before."""
        no_quorum, known = self.electorate.roster.no_quorum(now), self._no_quorum
        self._no_quorum = no_quorum
        everybodys = self.electorate.voters.are_all  # of other services it also matters who is told the same
        services = [f for f in self._services if f in changed or no_quorum != known or not everybodys(f)]
        return self._publish(services, now)

    def _count_of(self, services: Collection[str], now: float) -> list[Effect]:
        endpoints = self._endpoints.items()
        effects = [
            e for key, status in endpoints if key.service in services for e in self._count(key, status, now)
        ]
        return effects + self._publish([fqdn for fqdn in self._services if fqdn in services], now)

    def _count(self, key: EndpointKey, status: EndpointStatus, now: float) -> list[Effect]:
        """Count the ballots of one endpoint. Without a quorum the verdict stands and is pending."""
        ballots, voters = self.electorate.ballots(key), self.electorate.voters
        before, voting = status.verdict, len(voters.of(key.service))
        decided = quorum.decide(ballots, voting)
        status.pending = decided is State.UNKNOWN
        status.divided = status.pending and quorum.is_divided(ballots, voting)
        if status.pending:
            return []
        word = "nodes" if voters.are_all(key.service) else "voters"
        status.reason = quorum.explain(decided, ballots, voting, word)
        if decided is before:
            return []
        first_seen = status.suspected_at if status.suspected_at is not None else now
        status.verdict, status.verdict_since, status.suspected_at = decided, now, None
        return [Transition(key, before, decided, status.reason, first_seen)]

    def _ticked(self, now: float) -> list[Effect]:
        ended = tuple(o for o in self._overrides if not o.active(now))
        if not ended:
            return []
        self._order(tuple(o for o in self._overrides if o.active(now)))
        return self._publish(self._covered(ended), now)

    def _reconfigured(self, services: tuple[Service, ...], now: float) -> list[Effect]:
        """Take in a new set of services. An endpoint that is asked the same question keeps its health."""
        old, self._services = self._services, {service.fqdn: service for service in services}
        known, self._endpoints = self._endpoints, {}
        for service in services:
            same = service.fqdn in old and old[service.fqdn].question == service.question
            for endpoint in service.endpoints:
                key = EndpointKey(service.fqdn, endpoint.address)
                status = known.get(key) if same else None
                if status is None:
                    status = EndpointStatus(service)
                status.service = service
                self._endpoints[key] = status
        effects = self.electorate.configure({s.fqdn: s for s in services if s.endpoints})
        effects += self._take_seats() + self._vote_again()
        gone = [
            service for service in old.values() if _home(service) != _home(self._services.get(service.fqdn))
        ]
        for service in gone:
            del self._publications[service.fqdn]
        for fqdn in old:
            if fqdn not in self._services or not self._services[fqdn].endpoints:
                self._service_states.pop(fqdn, None)
        effects += [Retire(service.fqdn, service.zone, service.provider) for service in gone]
        # Of a thousand services a reload mostly changes a few, and to count them all holds up probes for 30 ms.
        others = {service.fqdn for service in services if old.get(service.fqdn) != service}
        return effects + self._count_of(others, now)

    def _take_seats(self) -> list[Effect]:
        """Notice what this node votes on now. Where it no longer does, it has no opinion and no vote any more."""
        withdrawn: dict[str, Effect] = {}
        self._voted_here = 0
        for key, status in self._endpoints.items():
            status.voted_here = self.electorate.votes_on(key.service)
            self._voted_here += status.voted_here
            if not status.voted_here and status.opinion != _NONE:
                status.opinion, status.suspected_at, status.last = _NONE, None, None
                withdrawn[key.service] = Voted(key)
        return [*withdrawn.values()]

    def _vote_again(self) -> list[Effect]:
        """Cast the votes anew that stood in services with other endpoints than before."""
        voted: dict[str, Effect] = {}
        for key, status in self._endpoints.items():
            cast = self.electorate.own[key.service].ballots
            if status.opinion.state is not State.UNKNOWN and key.address not in cast:
                self.electorate.vote(key, _ballot(status.opinion))
                voted[key.service] = Voted(key)
        return list(voted.values())

    def _publish(self, services: Iterable[str], now: float) -> list[Effect]:
        effects: list[Effect] = []
        no_quorum = self.electorate.roster.no_quorum(now)
        for fqdn in services:
            service = self._services[fqdn]
            states = self._states(service, now)
            publication = self._publication(service, states, no_quorum, now)
            if states:
                effects += self._whole_service(fqdn, states)
            if publication != self._publications.get(fqdn):
                self._publications[fqdn] = publication
                effects.append(Publish(publication))
        return effects

    def _publication(
        self, service: Service, states: Mapping[str, Effective], no_quorum: str, now: float
    ) -> Publication:
        failover = override.failover(service.fqdn, self._orders_of(service.fqdn), now)
        return publish(service, states, self._held(service.fqdn, no_quorum, now), failover)

    def preview(self, overrides: tuple[Override, ...], now: float) -> dict[str, Publication]:
        """Return what would be published for each service if these were the orders that stand; changes nothing."""
        standing, no_quorum = self._overrides, self.electorate.roster.no_quorum(now)
        self._order(overrides)
        try:
            return {
                fqdn: self._publication(service, self._states(service, now), no_quorum, now)
                for fqdn, service in self._services.items()
            }
        finally:
            self._order(standing)

    def _states(self, service: Service, now: float) -> dict[str, Effective]:
        return {
            e.address: self._effective(EndpointKey(service.fqdn, e.address), now) for e in service.endpoints
        }

    def _order(self, overrides: tuple[Override, ...]) -> None:
        self._overrides, self._orders = overrides, override.by_service(overrides)

    def _orders_of(self, fqdn: str) -> tuple[Override, ...]:
        return (*self._orders.get("", ()), *self._orders.get(fqdn, ())) if self._orders else ()

    def _held(self, fqdn: str, no_quorum: str, now: float) -> str:
        """Say why nothing may be written for a service; a pause wins over everything."""
        orders = self._orders_of(fqdn)
        paused, frozen = override.pause(orders, now), override.maintenance(fqdn, orders, now)
        if paused:
            return paused.sentence
        return no_quorum or self.electorate.no_accord(fqdn, now) or (frozen.sentence if frozen else "")

    def _effective(self, key: EndpointKey, now: float) -> Effective:
        status = self._endpoints[key]
        observed = Effective(status.verdict, status.reason, pending=status.pending, divided=status.divided)
        orders = self._orders_of(key.service)
        return override.effective(observed, key, orders, now) if orders else observed

    def _whole_service(self, fqdn: str, states: Mapping[str, Effective]) -> list[Effect]:
        """Notice when the last endpoint of a service goes down, and when the first one comes back."""
        found = {effective.state for effective in states.values()}
        state = State.UP if State.UP in found else State.UNKNOWN if State.UNKNOWN in found else State.DOWN
        before = self._service_states.get(fqdn, State.UNKNOWN)
        self._service_states[fqdn] = state
        if state is before or State.DOWN not in (state, before):
            return []
        ups = sum(effective.state is State.UP for effective in states.values())
        return [ServiceTransition(fqdn, state, f"{ups} of {len(states)} endpoints are up")]

    def _covered(self, overrides: Iterable[Override]) -> list[str]:
        """Return the services that some of these orders are about."""
        names = {o.service for o in overrides}
        return [fqdn for fqdn in self._services if fqdn in names or "" in names]


_NONE = Opinion()


def _home(service: Service | None) -> tuple[str, str] | None:
    return (service.provider, service.zone) if service else None


def _ballot(opinion: Opinion) -> Ballot:
    return Ballot(opinion.state, opinion.reason if opinion.state is State.DOWN else "")
