"""What the dashboard shows now, in parts, and a version of each part, so that only what changed is sent."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter

from rrdnsd.control.base import Control
from rrdnsd.control.reports import (
    EndpointReport,
    EventFilter,
    EventReport,
    ServedReport,
    ServiceReport,
    StatusReport,
)
from rrdnsd.errors import RrdnsdError
from rrdnsd.turns import Ahead, Readers, ReaderTurns
from rrdnsd.web.dashboard.past import Historian, Past

SHORTEST = 0.25
"""Seconds for which a view is used again: many readers cost as much as one."""

OLDEST = 2.0
"""Seconds for which a view is kept, to be shown while the next one is made: a page that follows hears at once what has changed since."""

SHOWN_EVENTS = 12
_STALE_AGE = 5.0


def _all_but(kind: type, *left_out: str) -> Callable[[object], object]:
    return attrgetter(*(name for field in fields(kind) if (name := field.name) not in left_out))


_of_service = _all_but(ServiceReport, "endpoints", "served")
_of_endpoint = _all_but(EndpointReport, "latency_ms", "probe")
_of_served = _all_but(ServedReport, "read_at")


@dataclass(frozen=True, slots=True)
class View:
    """One moment: the status, the past, the newest events, and the version of each part of the page.

    `at` is the event loop's time when it was made.
    """

    at: float
    status: StatusReport
    past: Past
    events: tuple[EventReport, ...]
    services: Mapping[str, ServiceReport]
    versions: Mapping[str, str]


class Board:
    """Makes views for all who look; a part whose content is the same keeps its version."""

    def __init__(self, control: Control, clock: Callable[[], float], readers: Readers) -> None:
        self.control = control
        self.readers = readers
        self._clock = clock
        self._historian = Historian(control, clock)
        # Versions of another run of the daemon must never look like ours.
        self._boot = secrets.token_hex(2)
        self._counter = 0
        self._known: dict[str, tuple[object, str]] = {}
        self._view: View | None = None
        self._views = Ahead(self._next, readers, OLDEST)

    async def view(self) -> View:
        """Return the present view, at most a quarter of a second old; among many changes, two seconds."""
        return await self._views.get(lambda last: self.control.passes(last.status))

    async def followed(self) -> View:
        """Return the present view, at most a quarter of a second old, to a page that is shown already: others come first."""
        return await self._views.newest(self.readers.behind())

    async def _next(self, last: View | None, pace: ReaderTurns) -> View:
        if last and self._clock() - last.at < SHORTEST and self.control.heeds(last.status):
            return last
        self._view = await self._make(pace)
        return self._view

    async def _make(self, pace: ReaderTurns) -> View:
        status = await self.control.overview(pace)
        total = sum(len(service.endpoints) for service in status.services)
        past = await self._historian.past(status.now, total)
        try:
            events = tuple((await self.control.events(EventFilter(), SHOWN_EVENTS)).events)
        except RrdnsdError:
            events = self._view.events if self._view else ()
        services = {service.fqdn: service for service in status.services}
        versions = {}
        for name, found in services.items():
            await pace.rest()
            versions[f"s:{name}"] = self._version_of(found, past.edition)
        for part, content in {
            "head": _head(status),
            "orders": tuple(status.orders),
            "nodes": _nodes(status),
            "events": tuple(event.id for event in events),
        }.items():
            versions[part] = self._version(part, content)
        for part in self._known.keys() - versions.keys():
            del self._known[part]
        return View(self._clock(), status, past, events, services, versions)

    def _version_of(self, service: ServiceReport, edition: int) -> str:
        part = f"s:{service.fqdn}"
        before = self._view
        if before and before.past.edition == edition and before.services.get(service.fqdn) is service:
            return before.versions[part]
        return self._version(part, (_still(service), edition))

    def _version(self, part: str, content: object) -> str:
        known = self._known.get(part)
        if known is not None and known[0] == content:
            return known[1]
        self._counter += 1
        version = f"{self._boot}{self._counter:x}"
        self._known[part] = (content, version)
        return version


def _still(service: ServiceReport) -> object:
    """Leave out what changes with every probe and look: figures that the page updates by themselves."""
    return _of_service(service), [*map(_of_endpoint, service.endpoints)], [*map(_of_served, service.served)]


def _head(status: StatusReport) -> object:
    return (
        status.node, status.mode, status.paused, tuple(status.warnings), status.cluster.nodes, status.cluster.no_quorum,
        status.cluster.abstains, tuple(status.cluster.mismatches), status.cluster.orders_agree,
        tuple(peer.counted for peer in status.cluster.peers), tuple(status.orders),
        tuple((service.fqdn, service.state, tuple(e.state for e in service.endpoints)) for service in status.services),
    )  # fmt: skip


def _nodes(status: StatusReport) -> object:
    peers = tuple(
        (peer.node, peer.counted, peer.abstains, _aged(peer.heard_s)) for peer in status.cluster.peers
    )
    servers = tuple((server.server, server.zone, server.error, server.writes) for server in status.dns)
    return (
        peers,
        servers,
        tuple(status.cluster.refused.items()),
        status.cluster.version,
        status.cluster.abstains,
    )


def _aged(seconds: float | None) -> int | None:
    """Ages below some seconds are all the same: a heartbeat is not news."""
    return None if seconds is None else 0 if seconds < _STALE_AGE else int(seconds)
