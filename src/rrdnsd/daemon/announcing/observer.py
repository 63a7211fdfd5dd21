"""From what the engine decides and the keepers meet to conditions: by effects where there are some, else by looking."""

from rrdnsd.core.effects import Effect, PeerChanged, Publish, Retire, ServiceTransition, Transition
from rrdnsd.core.expiry import MILESTONES, milestone, words
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.telling import Kind, Severity
from rrdnsd.daemon.announcing.conditions import Conditions, Subject
from rrdnsd.daemon.budget import Incident
from rrdnsd.daemon.reports import Report
from rrdnsd.daemon.runtime import Runtime

UNHEARD = 60.0
"""Seconds after the start at which people are told of a node that was never heard."""


class Observer:
    """Keeps the conditions. `see` is a witness of the runtime; `look` and `look_far` are to be called now and then."""

    def __init__(self, node: str, runtime: Runtime, conditions: Conditions) -> None:
        self._node = node
        self._runtime = runtime
        self._conditions = conditions
        self._began = runtime.clock()
        self._fine: set[Subject] = set()
        """What was looked at and found fine, so that it costs nothing to find that again."""

    def see(self, what: Effect | Report | Incident) -> None:
        """Take note of an effect; reports are looked up instead, so that none is missed."""
        conditions = self._conditions
        match what:
            case Transition(key, _, State.DOWN, reason, _):
                conditions.trouble(Subject(Kind.ENDPOINT, *key), reason.removeprefix("down: "))
            case Transition(key, _, State.UP, reason, _):
                conditions.fine(Subject(Kind.ENDPOINT, *key), reason.removeprefix("up: "))
            case ServiceTransition(service, State.DOWN, reason):
                conditions.trouble(Subject(Kind.SERVICE, service), reason)
            case ServiceTransition(service, State.UP, reason):
                conditions.fine(Subject(Kind.SERVICE, service), reason)
            case Publish(publication):
                subject = Subject(Kind.FAIL_OPEN, publication.service)
                if publication.fail_open:
                    conditions.trouble(subject, publication.fail_open)
                elif not publication.held:
                    conditions.fine(subject, "health is believed again")
            case PeerChanged(node, counted, reason):
                self._peer(node, "" if counted else reason)
            case Retire(service, _, _):
                self._forget(service)
            case _:
                pass

    def look(self) -> None:
        """Look at what lasts: the quorum, and the DNS servers."""
        conditions, now = self._conditions, self._runtime.clock()
        own = Subject(Kind.QUORUM, "", self._node)
        roster = self._runtime.engine.electorate.roster
        lost = roster.no_quorum(now)
        if lost:
            self._fine.discard(own)
            conditions.trouble(own, lost, own=True)
        else:
            self._mark(own, "")
        if now - self._began > UNHEARD:
            for node, peer in roster.peers.items():
                if not (peer.counted or peer.ever_heard):
                    self._peer(node, "it was never heard")
        for (_, zone), keepers in self._runtime.keepers.items():
            for keeper in keepers:
                if keeper.status.error or keeper.status.last_good is not None:
                    place = f"{keeper.server}, zone {zone}"
                    self._mark(Subject(Kind.DNS, "", place), keeper.status.error)
                    self._mark(Subject(Kind.GUARD, "", place), keeper.status.alarm)

    def look_far(self) -> None:
        """Look at what changes slowly, and forget what is watched no more."""
        endpoints, services = self._runtime.engine.endpoints, self._runtime.engine.services
        for key, status in endpoints.items():
            days = status.last.cert_days if status.last else None
            if days is not None:
                self._certificate(Subject(Kind.CERTIFICATE, *key), days)
        for condition in self._conditions:
            kind, service, detail = condition.subject
            known = endpoints.get(EndpointKey(service, detail))
            # Only who probes an endpoint sees its certificate.
            unseen = kind is Kind.CERTIFICATE and (known is None or not known.voted_here)
            unwatched = known is None if kind is Kind.ENDPOINT else service not in services
            if service and (unseen or unwatched):
                self._conditions.forget(condition.subject.text)

    def _certificate(self, subject: Subject, days: int) -> None:
        reached = milestone(days)
        severity = Severity.INFO if reached is None else MILESTONES[reached]
        if severity is Severity.INFO:
            self._mark(subject, "")
            return
        self._fine.discard(subject)
        # A state of its own for each milestone, because people are told of states.
        state = "expired" if days < 0 else f"{reached} {'day' if reached == 1 else 'days'} left"
        self._conditions.trouble(subject, f"it {words(days)}", state=state, severity=severity)

    def _peer(self, node: str, trouble: str) -> None:
        subject = Subject(Kind.NODE, "", node)
        if node not in self._runtime.engine.electorate.roster.peers:
            self._conditions.forget(subject.text)  # it was removed, by an order
        elif trouble:
            self._conditions.trouble(subject, trouble)
        else:
            self._conditions.fine(subject)

    def _mark(self, subject: Subject, text: str) -> None:
        if text:
            self._fine.discard(subject)
            self._conditions.trouble(subject, text)
        elif subject not in self._fine:
            self._fine.add(subject)
            self._conditions.fine(subject)

    def _forget(self, service: str) -> None:
        for condition in self._conditions:
            if condition.subject.service == service:
                self._conditions.forget(condition.subject.text)
