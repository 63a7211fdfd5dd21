"""The one mutable object that decides. One task owns it: `handle(event, now)` returns the effects.

A probe result that confirms what is known, which is nearly every one, costs a look-up and a comparison.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rrdnsd.core import health
from rrdnsd.core.counting import Counting
from rrdnsd.core.effects import Abstained, Effect, PeerChanged, Recheck, Retire, Suspected, Transition, Voted
from rrdnsd.core.electorate import Electorate
from rrdnsd.core.events import Connectivity, Event, Heard, Ordered, Probed, Reconfigured, Reseated, Ticked
from rrdnsd.core.health import Opinion
from rrdnsd.core.model import EndpointKey, ProbeResult, Service, State
from rrdnsd.core.override import Override
from rrdnsd.core.publish import Publication
from rrdnsd.core.publishing import Publisher
from rrdnsd.core.quorum import Ballot, ballot
from rrdnsd.core.votes import Statement
from rrdnsd.core.watched import EndpointStatus, Watched


@dataclass(frozen=True, slots=True)
class Timing:
    """The cluster's times in seconds: how long a vote lives unheard, how long a new node only listens."""

    vote_ttl: float = 4.0
    learn: float = 3.0


AT_ONCE = 200
"""Endpoints whose ballots are counted in one go: about a millisecond, and several if all of their verdicts change."""


class Engine:
    """Turns probe results and votes into verdicts, and verdicts into what shall be published."""

    def __init__(
        self,
        me: str,
        nodes: tuple[str, ...],
        services: tuple[Service, ...],
        now: float,
        timing: Timing = Timing(),
        at_once: int = AT_ONCE,
    ) -> None:
        self.electorate = Electorate(me, nodes, timing.vote_ttl)
        self._timing = timing
        self._at_once = at_once
        self._now = now
        self._watched = Watched()
        self._voted_here = 0
        self._counting = Counting(self.electorate)
        self._publisher = Publisher(self.electorate, self._watched)
        self._uncounted: OrderedDict[str, None] = OrderedDict()
        """The services to be counted again, in their order: nothing is published of one before it is."""
        self._no_quorum: str | None = None
        """Why nothing may be written, as it was when it was last looked who is heard."""
        self.learn(now)
        self.handle(Reconfigured(services), now)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in what happened at `now` (seconds, monotonic) and return what is to be done.

        When it changes whose ballots count, all are to be counted again, which can take seconds: then the next of them
        are with each event, until `uncounted` is 0. What is published of the others is of before, so nothing may be
        written for them until a `Ticked` has named them.
        """
        effects = self._catch_up(now)
        match event:
            case Probed(results):
                effects += self._probed(results, now)
            case Heard(statement):
                effects += self._heard(statement, now)
            case Ordered(overrides):
                affected = self._publisher.covered((*self.overrides, *overrides))
                self._publisher.order(overrides)
                effects += self._publish(affected, affected, now)
            case Reconfigured(services):
                effects += self._reconfigured(services, now)
            case Reseated(nodes):
                effects += self.electorate.reseat(nodes, now) + self._take_seats()
                self._doubt(self.services)
            case Connectivity(trouble):
                self.electorate.abstention.offline = trouble
            case Ticked():
                effects += self._ticked(now)
        effects += self._recount(now)
        if isinstance(event, Ticked):
            effects += self._publish([fqdn for fqdn in event.certain if fqdn in self._uncounted], (), now)
        return effects + self._go_on(now)

    @property
    def services(self) -> Mapping[str, Service]:
        """The services by name, those included that were removed and whose records are to go."""
        return self._watched.services

    @property
    def overrides(self) -> tuple[Override, ...]:
        """The orders that stand."""
        return self._publisher.orders

    @property
    def endpoints(self) -> Mapping[EndpointKey, EndpointStatus]:
        """Every endpoint's status."""
        return self._watched.endpoints

    @property
    def publications(self) -> Mapping[str, Publication]:
        """What shall be published now, by service."""
        return self._publisher.publications

    @property
    def uncounted(self) -> int:
        """How many services are still to be counted again."""
        return len(self._uncounted)

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
        for status in self.endpoints.values():
            status.opinion, status.suspected_at = Opinion(), None
        self._doubt(self.services)
        return self._recount(now)

    def _probed(self, results: Sequence[tuple[EndpointKey, ProbeResult]], now: float) -> list[Effect]:
        effects: list[Effect] = []
        touched: dict[str, None] = {}
        for key, result in results:
            status = self.endpoints.get(key)
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
        return effects + self._decide(voted, touched, now)

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
        cast = _ballot(opinion)
        if cast != _ballot(before):
            self.electorate.vote(key, cast)
            effects.append(Voted(key))
        return effects

    def _heard(self, statement: Statement, now: float) -> list[Effect]:
        heard, effects = self.electorate.hear(statement, now)
        effects += [effect for key in statement.suspects for effect in self._suspected(key, now)]
        keys = [key for differing in heard.values() for key in differing if key in self.endpoints]
        return effects + self._decide(keys, heard, now)

    def _suspected(self, key: EndpointKey, now: float) -> list[Effect]:
        """Look at once at what a peer suspects, but not more often than at the fast interval."""
        status = self.endpoints.get(key)
        if status is None or status.opinion.state is not State.UP or status.opinion.failures:
            return []
        if now - status.rechecked_at < status.service.fast_interval:
            return []
        status.rechecked_at = now
        if status.suspected_at is None:
            status.suspected_at = now
        return [Recheck(key, 0.0)]

    def _decide(self, keys: Sequence[EndpointKey], services: Collection[str], now: float) -> list[Effect]:
        """Count the ballots of these endpoints of some services, but first settle whose ballots count."""
        self.electorate.compare(keys, now)
        effects = self._recount(now)
        some: dict[str, list[EndpointStatus]] = {}
        for key in keys:
            some.setdefault(key.service, []).append(self.endpoints[key])
        decided = set()
        for fqdn, statuses in some.items():
            transitions, changed = self._count(fqdn, statuses, now)
            effects += transitions
            if changed:
                decided.add(fqdn)
        return effects + self._publish(services, decided, now)

    def _recount(self, now: float) -> list[Effect]:
        """Have everything counted again if it changed whose ballots count, and judged anew what may be written if who is heard."""
        roster = self.electorate.roster
        heard = roster.heard
        effects = self.electorate.recount(self._voted_here, now)
        all_anew = any(isinstance(effect, PeerChanged | Abstained) for effect in effects)
        if all_anew or roster.heard != heard:
            known, self._no_quorum = self._no_quorum, roster.no_quorum(now)
            all_anew = all_anew or self._no_quorum != known
            # Where only some nodes vote, it also matters who is told the same.
            everybodys = self.electorate.voters.are_all
            self._doubt(fqdn for fqdn in self.services if all_anew or not everybodys(fqdn))
        return effects

    def _doubt(self, services: Iterable[str]) -> None:
        """Have these services counted again, after those that wait for that already."""
        for fqdn in services:
            self._uncounted.setdefault(fqdn)

    def _go_on(self, now: float) -> list[Effect]:
        """Count the next services, as many as have `at_once` endpoints."""
        some: list[str] = []
        room = self._at_once
        for fqdn in self._uncounted:
            if room <= 0:
                break
            some.append(fqdn)
            room -= 1 + len(self._watched.of(fqdn))
        return self._publish(some, (), now)

    def _count(self, fqdn: str, statuses: Sequence[EndpointStatus], now: float) -> tuple[list[Effect], bool]:
        """Count the ballots of some endpoints of a service; tell as well if more has changed than the reasons.

        Without a quorum the verdict stands and is pending.
        """
        effects: list[Effect] = []
        changed = False
        findings = self._counting.of(fqdn, [status.key.address for status in statuses])
        for status, (state, divided, reason) in zip(statuses, findings, strict=True):
            pending, before = state is State.UNKNOWN, status.verdict
            if (pending, divided) != (status.pending, status.divided):
                status.pending, status.divided, changed = pending, divided, True
            if pending:
                continue
            status.reason = reason
            if state is not before:
                changed = True
                first_seen = status.suspected_at if status.suspected_at is not None else now
                status.verdict, status.verdict_since, status.suspected_at = state, now, None
                effects.append(Transition(status.key, before, state, reason, first_seen))
        return effects, changed

    def _publish(self, services: Iterable[str], decided: Collection[str], now: float) -> list[Effect]:
        """Decide anew what is published of these services, after counting those that are to be counted again.

        Where nothing is `decided` otherwise, it can only be said otherwise.
        """
        effects: list[Effect] = []
        no_quorum = self.electorate.roster.no_quorum(now)
        for fqdn in services:
            anew = fqdn in decided
            if fqdn in self._uncounted:
                del self._uncounted[fqdn]
                transitions, changed = self._count(fqdn, self._watched.of(fqdn), now)
                effects += transitions
                anew = anew or changed
            say = self._publisher.publish if anew else self._publisher.explain
            effects += say(fqdn, no_quorum, now)
        return effects

    def _ticked(self, now: float) -> list[Effect]:
        ended = tuple(o for o in self.overrides if not o.active(now))
        if not ended:
            return []
        self._publisher.order(tuple(o for o in self.overrides if o.active(now)))
        affected = self._publisher.covered(ended)
        return self._publish(affected, affected, now)

    def _reconfigured(self, services: tuple[Service, ...], now: float) -> list[Effect]:
        """Take in a new set of services. An endpoint that is asked the same question keeps its health."""
        old = self._watched.reconfigure(services)
        effects = self.electorate.configure({s.fqdn: s for s in services if s.endpoints})
        effects += self._take_seats() + self._vote_again()
        gone = [
            service for service in old.values() if _home(service) != _home(self.services.get(service.fqdn))
        ]
        self._publisher.forget(old, [service.fqdn for service in gone])
        for fqdn in old.keys() - self.services.keys():
            self._uncounted.pop(fqdn, None)
        effects += [Retire(service.fqdn, service.zone, service.provider) for service in gone]
        # Of a thousand services a reload mostly changes a few, and to count them all holds up probes for 30 ms.
        others = [service.fqdn for service in services if old.get(service.fqdn) != service]
        self._doubt(others)
        return effects + self._publish(others, others, now)

    def _take_seats(self) -> list[Effect]:
        """Notice what this node votes on now. Where it no longer does, it has no opinion and no vote any more."""
        withdrawn: dict[str, Effect] = {}
        self._voted_here = 0
        for key, status in self.endpoints.items():
            status.voted_here = self.electorate.votes_on(key.service)
            self._voted_here += status.voted_here
            if not status.voted_here and status.opinion != _NONE:
                status.opinion, status.suspected_at, status.last = _NONE, None, None
                withdrawn[key.service] = Voted(key)
        return [*withdrawn.values()]

    def _vote_again(self) -> list[Effect]:
        """Cast the votes anew that stood in services with other endpoints than before."""
        voted: dict[str, Effect] = {}
        for key, status in self.endpoints.items():
            cast = self.electorate.own[key.service].ballots
            if status.opinion.state is not State.UNKNOWN and key.address not in cast:
                self.electorate.vote(key, _ballot(status.opinion))
                voted[key.service] = Voted(key)
        return list(voted.values())

    def preview(self, overrides: tuple[Override, ...], now: float) -> dict[str, Publication]:
        """Return what would be published for each service if these were the orders that stand; changes nothing."""
        return self._publisher.preview(overrides, now)


_NONE = Opinion()


def _home(service: Service | None) -> tuple[str, str] | None:
    return (service.provider, service.zone) if service else None


def _ballot(opinion: Opinion) -> Ballot:
    return ballot(opinion.state, opinion.reason if opinion.state is State.DOWN else "")
