"""The value objects every room of the house shares. All are immutable; names are DESIGN's words.

Domain names are lower case, without the trailing dot. Addresses are canonical text (RFC 5952 for IPv6).
Times are seconds on the caller's monotonic clock; TTLs are seconds as in RFC 1035.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

RRType = Literal["A", "AAAA"]


class State(StrEnum):
    """What is believed of an endpoint: by one node (its health) or by the quorum (the verdict)."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class EndpointKey(NamedTuple):
    """Names one endpoint of one service; the same address may serve other services as well."""

    service: str
    address: str


class Timings(NamedTuple):
    """How long the parts of one probe took, in seconds; None for a part that was not reached."""

    total: float
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None


class ProbeResult(NamedTuple):
    """What one probe found. A tuple, not a dataclass: thousands are made each second.

    `reason` is the sentence's tail that operators read ("connection refused", "status 503, expected
    200-399"); "" for a plain success. `cert_days` is the days until the certificate expires.
    """

    ok: bool
    reason: str
    timings: Timings
    cert_days: int | None = None


class RRsetKey(NamedTuple):
    """Names one RRset of class IN."""

    name: str
    rtype: RRType


@dataclass(frozen=True, slots=True)
class RRset:
    """An RRset as a DNS server serves it, or shall serve it. Never empty: an absent RRset is None."""

    ttl: int
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class RRsetChange:
    """One RRset to be replaced: `before` is what was read and is the prerequisite of the write.

    None means that the RRset does not exist (before) or shall not exist (after).
    """

    key: RRsetKey
    before: RRset | None
    after: RRset | None

    @property
    def adds(self) -> frozenset[str]:
        """Addresses that are not served yet."""
        return _addresses(self.after) - _addresses(self.before)

    @property
    def removes(self) -> frozenset[str]:
        """Addresses that will no longer be served."""
        return _addresses(self.before) - _addresses(self.after)


@dataclass(frozen=True, slots=True)
class NameChange:
    """All that changes at one name; it is applied whole or not at all."""

    name: str
    rrsets: tuple[RRsetChange, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would make one zone right on one server; empty when it is right already."""

    zone: str
    changes: tuple[NameChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ZoneView:
    """What a server serves now: the RRsets that exist, and the names that cannot be managed, with why."""

    rrsets: Mapping[RRsetKey, RRset]
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan: names that were written, and names whose prerequisite no longer held.

    `refused` has a sentence for each name that the server will not let us change although it took others.
    `messages` counts the update messages that were sent.
    """

    written: frozenset[str]
    stale: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How much evidence turns one node's opinion.

    `rise` successes in a row turn a down endpoint up. `fall` failures turn an up endpoint down; they add
    up and are forgotten only after `rise` successes in a row, so a flapping endpoint goes down.
    """

    rise: int = 2
    fall: int = 2


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that provides a service. Endpoints of the lowest priority form the preferred tier."""

    address: str
    priority: int = 0
    label: str = ""

    @property
    def rtype(self) -> RRType:
        """The record type that publishes this address."""
        return rtype_of(self.address)


@dataclass(frozen=True, slots=True)
class Service:
    """What the core needs to know of a service.

    `fail_open_threshold` is the share (0 to 1) of endpoints that may be down before health is no longer
    believed; None switches that off. `definition` is the digest of what nodes are told to probe, `question` that
    of what each endpoint is asked.
    `fast_interval` is in seconds. `withdrawn` addresses are no endpoints any more, and an operator wants their
    records deleted. A service that has nothing else was removed: nobody probes it or votes on it. `voters` is how
    many nodes probe it and vote on it; None means all.
    """

    fqdn: str
    zone: str
    provider: str
    ttl: int
    endpoints: tuple[Endpoint, ...]
    thresholds: Thresholds = Thresholds()
    fail_open_threshold: float | None = 0.5
    min_up: int = 1
    fast_interval: float = 0.5
    definition: str = ""
    question: str = ""
    withdrawn: frozenset[str] = frozenset()
    voters: int | None = None


def rtype_of(address: str) -> RRType:
    """Return the record type that publishes an address."""
    return "AAAA" if ":" in address else "A"


def _addresses(rrset: RRset | None) -> frozenset[str]:
    return rrset.addresses if rrset else frozenset()
