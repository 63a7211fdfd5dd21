"""Writes down what happens, and passes it on to those who follow. Nothing here waits for anybody."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from rrdnsd.control.reports import EventFilter, EventReport
from rrdnsd.core.effects import (
    Abstained,
    Effect,
    Mismatched,
    PeerChanged,
    Publish,
    Retire,
    ServiceTransition,
    Transition,
)
from rrdnsd.core.publish import Publication
from rrdnsd.daemon.budget import Incident
from rrdnsd.daemon.reports import Failed, Noticed, Recovered, Report, Served, Wrote
from rrdnsd.store.events import EventFilter as Wanted
from rrdnsd.store.events import EventKind, EventRecord, Events
from rrdnsd.store.jsontext import Json

log = logging.getLogger(__name__)

PAGE = 500
"""How many events of the past are read at a time."""

BEHIND = 4000
"""How many events a reader may be behind before it is cut off."""


@dataclass(slots=True)
class _Reader:
    """One who follows; None in the queue means that it was too slow and is cut off."""

    wanted: Wanted
    queue: asyncio.Queue[EventRecord | None] = field(default_factory=lambda: asyncio.Queue(BEHIND + 1))


class Chronicle:
    """The events of this node."""

    def __init__(self, events: Events, node: str) -> None:
        self._events = events
        self._node = node
        self._readers: list[_Reader] = []
        self._failing: dict[tuple[str, str], str] = {}
        self._fail_open: dict[str, str] = {}

    def note(
        self,
        kind: EventKind,
        text: str,
        service: str = "",
        address: str = "",
        details: Mapping[str, Json] | None = None,
    ) -> None:
        """Write down an event and show it to those who follow."""
        event = self._events.append(
            kind, text, service=service, endpoint=address, node=self._node, details=details
        )
        if kind == "order":
            log.info("[order] %s", text)
        for reader in [*self._readers]:
            if reader.wanted.takes(event):
                self._hand(reader, event)

    def see(self, what: Effect | Report | Incident) -> None:
        """Write down what was decided or done, as far as it is worth it."""
        match what:
            case Incident():
                self._budget(what)
            case Wrote() | Served() | Failed() | Recovered() | Noticed():
                self._reported(what)
            case _:
                self._decided(what)

    async def follow(self, wanted: EventFilter) -> AsyncIterator[EventReport]:
        """Go through the events after `after_id` (else from now on) as they come; a reader that is too slow is cut off."""
        reader = _Reader(wanted_of(wanted))
        self._readers.append(reader)
        try:
            last = wanted.after_id
            while last is not None:
                past = await self._events.query(wanted_of(wanted, after_id=last), PAGE)
                for known in past:
                    yield event_report(known)
                last = past[-1].id if past else last
                if len(past) < PAGE:
                    break
            while (event := await reader.queue.get()) is not None:
                if last is None or event.id > last:
                    yield event_report(event)
        finally:
            if reader in self._readers:
                self._readers.remove(reader)

    def _hand(self, reader: _Reader, event: EventRecord) -> None:
        if reader.queue.qsize() < BEHIND:
            reader.queue.put_nowait(event)
            return
        self._readers.remove(reader)
        reader.queue.put_nowait(None)

    def _decided(self, effect: Effect) -> None:
        match effect:
            case Transition(key, before, after, reason, _):
                details = {"before": str(before), "after": str(after), "reason": reason}
                text = f"{key.address} of {key.service}: {before} -> {after} ({reason})"
                self.note("transition", text, *key, details)
            case ServiceTransition(service, state, reason):
                self.note(
                    "service",
                    f"service {service} is {state}: {reason}",
                    service,
                    details={"state": str(state)},
                )
            case Abstained(reason):
                self.note("abstain", f"this node abstains: {reason}" if reason else "this node votes")
            case PeerChanged(node, counted, reason):
                text = f"the votes of {node} {'count' if counted else f'do not count: {reason}'}"
                self.note("peer", text, details={"peer": node, "counted": counted})
            case Mismatched(node, service, text):
                said = f"{node}, {service or 'nodes'}: {text or 'it is configured alike now'}"
                self.note("mismatch", said, service, details={"peer": node})
            case Publish(publication):
                self._published(publication)
            case Retire(service, _, _):
                self._fail_open.pop(service, None)
                self.note("service", f"{service} is no longer watched", service)
            case _:
                pass

    def _published(self, publication: Publication) -> None:
        service, text = publication.service, publication.fail_open
        if bool(text) != bool(self._fail_open.get(service)):
            self.note("service", f"{service}: {text or 'health is believed again'}", service)
        self._fail_open[service] = text

    def _reported(self, report: Report) -> None:
        place: dict[str, Json] = {"server": report.server, "zone": report.zone}
        match report:
            case Wrote(server, _, name, reason, drift):
                text = f"{name} on {server}: {'drift repaired: ' if drift else ''}{reason}"
                self.note("write", text, name, details={**place, "drift": drift})
            case Served(server, _, name, after):
                text = f"{name} is served by {server} after {after:.3f} s"
                self.note("served", text, name, details={**place, "after": round(after, 3)})
            case Failed(server, zone, reason, _):
                # Said once for each cause, not with each new try.
                if self._failing.get((server, zone)) != reason:
                    self._failing[server, zone] = reason
                    self.note("failed", f"{server}, zone {zone}: {reason}", details=place)
            case Recovered(server, zone, failed_for):
                self._failing.pop((server, zone), None)
                text = f"{server}, zone {zone}: works again after {failed_for:.1f} s"
                self.note("recovered", text, details={**place, "failed_for": round(failed_for, 3)})
            case Noticed(server, _, name, text, alarm):
                self.note("noticed", f"{name} on {server}: {text}", name, details={**place, "alarm": alarm})

    def _budget(self, incident: Incident) -> None:
        details: dict[str, Json] = {
            "state": str(incident.after),
            "decided": round(incident.decided - incident.first_seen, 3),
            "visible": {s: round(at - incident.first_seen, 3) for s, at in incident.visible.items()},
        }
        self.note("budget", incident.sentence(), *incident.key, details)


def wanted_of(wanted: EventFilter, after_id: int | None = None) -> Wanted:
    """Translate a question to the store's words; `after_id` replaces its own."""
    return Wanted(
        service=wanted.service,
        endpoint=wanted.address,
        kinds=wanted.kinds,
        since=wanted.since,
        until=wanted.until,
        before_id=wanted.before_id,
        after_id=wanted.after_id if after_id is None else after_id,
    )


def event_report(event: EventRecord) -> EventReport:
    """Show an event."""
    return EventReport(
        event.id, event.at, event.kind, event.service, event.endpoint, event.node, event.text, event.details
    )
