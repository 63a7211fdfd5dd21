"""From what is to be told to the message that tells it."""

from collections import Counter
from collections.abc import Sequence

from rrdnsd.core.telling import Kind
from rrdnsd.daemon.announcing.board import Item
from rrdnsd.daemon.announcing.conditions import SORTS, Condition
from rrdnsd.notifiers.message import MOST_LISTED, Event, Message, compose, digest

_SUBJECTS = {
    Kind.SERVICE: "service {service}",
    Kind.FAIL_OPEN: "fail-open of {service}",
    Kind.DNS: "DNS server {detail}",
    Kind.GUARD: "the guard of {detail}",
    Kind.QUORUM: "the quorum of {detail}",
    Kind.NODE: "node {detail}",
    Kind.CERTIFICATE: "the certificate of {service} at {detail}",
}


def worded(node: str, at: float, items: Sequence[Item]) -> Message:
    """Put the message together; the most severe ones are listed if not all can be."""
    counts = Counter((item.condition.subject.kind.value, _state(item.condition)) for item in items)
    chosen = items
    if len(items) > MOST_LISTED:
        chosen = sorted(items, key=lambda item: -item.condition.severity)[:MOST_LISTED]
    return compose(node, at, [event(item) for item in chosen], counts)


def event(item: Item) -> Event:
    """Return what a program reads of one change. Its id is the same on every node that tells the same change."""
    condition = item.condition
    subject = condition.subject
    over = not condition.trouble
    often = "it changes often, the next change may be told later" if item.flapping else ""
    return Event(
        id=digest([item.mark.notifier, item.mark.subject, item.mark.state, item.before]),
        kind=subject.kind.value,
        state=_state(condition),
        trouble=condition.trouble,
        severity=condition.severity,
        subject=_subject(condition),
        text="; ".join(filter(None, (condition.text, often))),
        at=condition.at,
        service=subject.service,
        address=subject.detail if subject.kind in {Kind.ENDPOINT, Kind.CERTIFICATE} else "",
        duration=condition.at - condition.began if over and condition.began is not None else None,
        reminder=item.reminder,
    )


def _state(condition: Condition) -> str:
    sort = SORTS[condition.subject.kind]
    return condition.state if condition.trouble else sort.fine


def _subject(condition: Condition) -> str:
    kind, service, detail = condition.subject
    form = _SUBJECTS.get(kind, "{detail} of {service}")
    return form.format(service=service, detail=detail)
