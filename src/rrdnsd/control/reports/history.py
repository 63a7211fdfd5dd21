"""Probes of the past."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpanReport:
    """What was seen of an endpoint in one span. Shares are 0 to 1; None: nothing is known."""

    start: int
    seconds: int
    probes: int
    failures: int
    uptime: float | None
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class EndpointHistory:
    """The spans of one endpoint, the oldest first; spans of which nothing is known are left out."""

    service: str
    address: str
    uptime: float | None
    spans: list[SpanReport]


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The past, as this node saw it."""

    since: float
    until: float
    step: int
    endpoints: list[EndpointHistory]


@dataclass(frozen=True, slots=True)
class RunReport:
    """Probes in a row that all succeeded or all failed."""

    address: str
    started: float
    last: float
    ok: bool
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunsReport:
    """Recorded probes of a service, with the thresholds that hold for it now."""

    service: str
    rise: int
    fall: int
    interval: float
    fast_interval: float
    runs: list[RunReport]
