"""How the daemon itself is doing."""

from dataclasses import dataclass, field

import rrdnsd
from rrdnsd.control.reports.cluster import ClusterReport
from rrdnsd.control.reports.status import ServerReport


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


@dataclass(frozen=True, slots=True)
class ReadyReport:
    """Whether this node can do its part; if not, a sentence for each thing it waits for.

    `warnings` do not keep it from that: the configuration file on disk is not the one in use.
    """

    ready: bool
    reasons: list[str]
    warnings: list[str] = field(default_factory=list)
