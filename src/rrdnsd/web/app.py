"""The HTTP application on `local_node`."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI

import rrdnsd


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
class PeerReport:
    """One peer as this node sees it: whether its ballots count, and how long ago it was heard."""

    node: str
    counted: bool
    heard_s: float | None
    abstains: str


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """The cluster as this node sees it.

    `no_quorum` says why nothing may be written, `abstains` why this node's ballots do not count; both are
    "" when all is well. `mismatches` are differences of configuration, `refused` counts messages by cause.
    """

    nodes: int
    no_quorum: str
    abstains: str
    peers: list[PeerReport]
    mismatches: list[str]
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How the daemon itself is doing.

    `status` is "ok", or "degraded" with a `reason` for each thing that is not well. Counts of endpoints are
    by verdict. `load_factor` is the share of time spent probing (0 to 1), `start_lag_ms` how late probes
    start at the 99th percentile, `overruns` how many were skipped because the one before still ran.
    """

    status: str
    reasons: list[str]
    node: str
    uptime_s: float
    services: int
    endpoints: dict[str, int]
    load_factor: float
    start_lag_ms: float
    overruns: int
    dns: list[ServerReport]
    cluster: ClusterReport
    version: str = rrdnsd.__version__


def create_app() -> FastAPI:
    """Return an application without routes."""
    return FastAPI(
        title="rrdnsd", version=rrdnsd.__version__, docs_url=None, redoc_url=None, openapi_url=None
    )


def add_health(app: FastAPI, health: Callable[[], HealthReport]) -> None:
    """Add GET /health; `health` reads the daemon's state and must not block."""

    @app.get("/health")
    async def get_health() -> HealthReport:
        """Tell that the daemon is alive, and how it is doing."""
        return health()
