"""What operators are shown: plain values, the same for the API, the dashboard and the command line.

Times are epoch seconds (UTC), durations are seconds unless a name ends in `_ms`. Sentences are for people.
Public configuration is shown, secrets never are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import rrdnsd


@dataclass(frozen=True, slots=True)
class VoteReport:
    """One node's ballot on an endpoint. `state` is up, down or unknown; `counted` tells if it counts now."""

    node: str
    state: str
    reason: str
    counted: bool


@dataclass(frozen=True, slots=True)
class DrainReport:
    """How far a drain is. `safe_at` is when the last cache must have forgotten the address; None while it is served.

    `waiting_for` says what it waits for: servers that still serve the address, a pause, a quorum.
    """

    since: float
    safe_at: float | None
    safe: bool
    waiting_for: str


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """One address of a service.

    `verdict` is the quorum's (up, down, unknown), `state` what counts after orders: up, down, unknown, drained.
    `pending` means no quorum stands behind the verdict now. `forced` is up, down or "". `published` tells
    if it shall be in DNS; None: it is left as it is found. `served` tells if every DNS server that was
    read serves it, None if some do or nothing is known. `probe` is this node's last result.
    """

    address: str
    priority: int
    label: str
    state: str
    verdict: str
    reason: str
    since: float
    pending: bool
    forced: str
    published: bool | None
    served: bool | None
    latency_ms: float | None
    probe: str
    probe_ok: bool | None
    cert_days: int | None
    drain: DrainReport | None
    votes: list[VoteReport]


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
    `orders_agree` tells if every node that is heard knows the same orders. `version` counts the changes of nodes.
    """

    nodes: int
    no_quorum: str
    abstains: str
    peers: list[PeerReport]
    mismatches: list[str]
    refused: dict[str, int]
    version: int = 0
    orders_agree: bool = True


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
    """Whether this node can do its part; if not, a sentence for each thing it waits for."""

    ready: bool
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class AddressExplanation:
    """Why an address is in DNS or not: `sentence` in one line, `steps` from probe to record."""

    address: str
    published: bool | None
    sentence: str
    steps: list[str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a service's records are as they are.

    `ballots` are by address; `thresholds` are the rule's numbers in words; `writer` is the node that writes first,
    `plan` what would be written now on each server, `last_rcode` what the last update of each server was answered.
    """

    service: str
    sentence: str
    addresses: list[AddressExplanation]
    ballots: Mapping[str, list[VoteReport]]
    thresholds: list[str]
    orders: list[StandingOrder]
    writer: str
    plan: Mapping[str, str]
    last_rcode: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; None means all. `since` is included, `until` and the ids are not."""

    service: str | None = None
    address: str | None = None
    kinds: tuple[str, ...] | None = None
    since: float | None = None
    until: float | None = None
    before_id: int | None = None
    after_id: int | None = None


@dataclass(frozen=True, slots=True)
class EventReport:
    """One thing that happened."""

    id: int
    at: float
    kind: str
    service: str
    address: str
    node: str
    text: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Some events. `more` tells if there are more in the direction of the question."""

    events: list[EventReport]
    more: bool


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


@dataclass(frozen=True, slots=True)
class AuditReport:
    """One request that was carried out; `after` says if it changed something."""

    id: int
    at: float
    who: str
    action: str
    target: str
    why: str
    before: object
    after: object
    request_id: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some audit rows, the newest first."""

    rows: list[AuditReport]
    more: bool


@dataclass(frozen=True, slots=True)
class Exported:
    """A configuration file. Secrets that stood in it are replaced by `env:NAME`; `secrets` are those names."""

    config: Mapping[str, object]
    secrets: list[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order.

    `changed` is False if it stood already. `effect` says what it does or, in a dry run, would do.
    `known_by` are the nodes that have it, `unknown_to` those of the cluster that did not confirm it in time;
    they learn of it as soon as they are heard. `safe_at` is when a drained address may be stopped, as DNS
    follows at once; None while something keeps it from that, which `effect` names.
    """

    changed: bool
    effect: list[str]
    known_by: list[str]
    unknown_to: list[str]
    safe_at: float | None = None
    dry_run: bool = False
