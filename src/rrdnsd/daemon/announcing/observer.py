"""From what the engine decides and the keepers meet to conditions: by effects where there are some, else by looking."""

from rrdnsd.core.effects import Effect, PeerChanged, Publish, Retire, ServiceTransition, Transition
from rrdnsd.core.model import State
from rrdnsd.core.telling import Kind, Severity
from rrdnsd.daemon.announcing.conditions import Conditions, Subject
from rrdnsd.daemon.budget import Incident
from rrdnsd.daemon.reports import Report
from rrdnsd.daemon.runtime import Runtime

EXPIRES_SOON, EXPIRES_NOW = 14, 3
"""Days before the end of a certificate at which people are told: of a warning, and of something critical."""


class Observer:
    """Keeps the conditions. `see` is a witness of the runtime; `look` and `look_far` are to be called now and then."""

    def __init__(self, node: str, runtime: Runtime, conditions: Conditions) -> None:
        self._node = node
        self._runtime = runtime
        self._conditions = conditions

    def see(self, what: Effect | Report | Incident) -> None:
        """Take note of an effect; reports are looked up instead, so that none is missed."""
        conditions = self._conditions
        match what:
            case Transition(key, _, State.DOWN, reason, _):
                conditions.trouble(Subject(Kind.ENDPOINT, *key), reason)
            case Transition(key, _, State.UP, reason, _):
                conditions.fine(Subject(Kind.ENDPOINT, *key), reason)
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
            case PeerChanged(node, True, _):
                conditions.fine(Subject(Kind.NODE, "", node))
            case PeerChanged(node, False, reason):
                conditions.trouble(Subject(Kind.NODE, "", node), reason)
            case Retire(service, _, _):
                self._forget(service)
            case _:
                pass

    def look(self) -> None:
        """Look at what lasts: the quorum, and the DNS servers."""
        conditions, now = self._conditions, self._runtime.clock()
        own = Subject(Kind.QUORUM, "", self._node)
        lost = self._runtime.engine.electorate.roster.no_quorum(now)
        if lost:
            conditions.trouble(own, lost, own=True)
        else:
            conditions.fine(own)
        for (_, zone), keepers in self._runtime.keepers.items():
            for keeper in keepers:
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
        watched = {tuple(key) for key in endpoints}
        for condition in self._conditions:
            kind, service, detail = condition.subject
            gone = service and (
                (service, detail) not in watched
                if kind in {Kind.ENDPOINT, Kind.CERTIFICATE}
                else service not in services
            )
            if gone:
                self._conditions.forget(condition.subject.text)

    def _certificate(self, subject: Subject, days: int) -> None:
        text = f"it expires in {days} days" if days >= 0 else f"it expired {-days} days ago"
        if days <= EXPIRES_NOW:
            self._conditions.trouble(subject, text, state="about to expire", severity=Severity.CRITICAL)
        elif days <= EXPIRES_SOON:
            self._conditions.trouble(subject, text)
        else:
            self._conditions.fine(subject, text)

    def _mark(self, subject: Subject, text: str) -> None:
        if text:
            self._conditions.trouble(subject, text)
        else:
            self._conditions.fine(subject)

    def _forget(self, service: str) -> None:
        for condition in self._conditions:
            if condition.subject.service == service:
                self._conditions.forget(condition.subject.text)
