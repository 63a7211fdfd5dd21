"""What the dashboard shows now, in parts, and a version of each part, so that only what changed is sent."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rrdnsd.control.base import Control
from rrdnsd.control.reports import EventFilter, EventReport, ServiceReport, StatusReport
from rrdnsd.errors import RrdnsdError
from rrdnsd.web.dashboard.past import Historian, Past

SHORTEST = 0.25
"""Seconds for which a view is used again: many readers cost as much as one."""

SHOWN_EVENTS = 12
_STALE_AGE = 5.0


@dataclass(frozen=True, slots=True)
class View:
    """One moment: the status, the past, the newest events, and the version of each part of the page."""

    status: StatusReport
    past: Past
    events: tuple[EventReport, ...]
    services: Mapping[str, ServiceReport]
    versions: Mapping[str, str]


class Board:
    """Makes views for all who look; a part whose content is the same keeps its version."""

    def __init__(self, control: Control, clock: Callable[[], float]) -> None:
        self.control = control
        self._clock = clock
        self._historian = Historian(control, clock)
        # Versions of another run of the daemon must never look like ours.
        self._boot = secrets.token_hex(2)
        self._counter = 0
        self._known: dict[str, tuple[object, str]] = {}
        self._view: View | None = None
        self._made = float("-inf")
        self._lock = asyncio.Lock()

    async def view(self) -> View:
        """Return the present view, at most a quarter of a second old."""
        async with self._lock:
            if self._view is None or self._clock() - self._made >= SHORTEST:
                self._view = await self._make()
                self._made = self._clock()
            return self._view

    async def _make(self) -> View:
        status = self.control.status()
        total = sum(len(service.endpoints) for service in status.services)
        past = await self._historian.past(status.now, total)
        try:
            events = tuple((await self.control.events(EventFilter(), SHOWN_EVENTS)).events)
        except RrdnsdError:
            events = self._view.events if self._view else ()
        services = {service.fqdn: service for service in status.services}
        contents: dict[str, object] = {
            f"s:{name}": (_still(found), past.edition) for name, found in services.items()
        }
        contents["head"] = _head(status)
        contents["orders"] = tuple(status.orders)
        contents["nodes"] = _nodes(status)
        contents["events"] = tuple(event.id for event in events)
        versions = {part: self._version(part, content) for part, content in contents.items()}
        for part in self._known.keys() - versions.keys():
            del self._known[part]
        return View(status, past, events, services, versions)

    def _version(self, part: str, content: object) -> str:
        known = self._known.get(part)
        if known is not None and known[0] == content:
            return known[1]
        self._counter += 1
        version = f"{self._boot}{self._counter:x}"
        self._known[part] = (content, version)
        return version


def _still(service: ServiceReport) -> ServiceReport:
    """Leave out what changes with every probe and look: figures that the page updates by themselves."""
    return replace(
        service,
        endpoints=[replace(endpoint, latency_ms=None, probe="") for endpoint in service.endpoints],
        served=[replace(served, read_at=None) for served in service.served],
    )


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
