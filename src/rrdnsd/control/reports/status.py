"""All there is to see at one moment."""

from dataclasses import dataclass

import rrdnsd
from rrdnsd.control.reports.cluster import ClusterReport
from rrdnsd.control.reports.services import ServiceReport


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """An order that stands: drain, maintenance, pause, failover, forced up, forced down. `service` "" means all."""

    kind: str
    service: str
    address: str
    to: list[str]
    since: float
    until: float | None
    who: str
    why: str
    node: str


@dataclass(frozen=True, slots=True)
class ServerReport:
    """How one zone is kept on one server, counted since the start.

    `noops` are the looks after which nothing had to be written, `messages` the updates that were sent;
    `error` is why the last look or write failed, "" if it did not.
    """

    server: str
    zone: str
    reads: int
    writes: int
    messages: int
    noops: int
    error: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """All there is to see at one moment, as `node` sees it."""

    node: str
    now: float
    revision: int
    mode: str
    paused: str
    cluster: ClusterReport
    services: list[ServiceReport]
    orders: list[StandingOrder]
    dns: list[ServerReport]
    warnings: list[str]
    version: str = rrdnsd.__version__
