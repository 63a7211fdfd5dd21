"""A service: what it looks like to clients, and what DNS servers serve for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rrdnsd.control.reports.endpoints import EndpointReport


@dataclass(frozen=True, slots=True)
class ServedReport:
    """What one DNS server was last seen to serve for a name, and whether that is what it should be."""

    server: str
    rtype: str
    addresses: list[str]
    ttl: int | None
    foreign: list[str]
    right: bool
    read_at: float | None
    error: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a service looks like to a client: `state` is up, down, or unknown before the first look at `url`.

    `reason` says what is wrong, "" if nothing is. It is this node's own look, and nothing is decided by it.
    """

    url: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One service. `state` is up, degraded (some endpoints are down), down, or unknown.

    `held` says why nothing is written, `fail_open` why health is not believed; "" if neither.
    `desired` are the addresses that shall be served, by record type.
    """

    fqdn: str
    zone: str
    provider: str
    healthcheck: str
    ttl: int
    interval_ms: int
    state: str
    reason: str
    held: str
    fail_open: str
    maintenance: str
    failover: list[str]
    desired: Mapping[str, list[str]]
    served: list[ServedReport]
    endpoints: list[EndpointReport]
    source: str = "file"
    """Where it is configured: "file", or "api"."""
    public: bool = False
    check: CheckReport | None = None
    """Its `service_check`, null if it has none."""
    voters: list[str] = field(default_factory=list)
    """The nodes that probe it and vote on it."""
