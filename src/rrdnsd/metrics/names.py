"""Every metric there is: its name, its type, what it means, its labels. What is not here is not told.

Prometheus names follow https://prometheus.io/docs/practices/naming/; the StatsD names are those of the Rust original.
"""

from dataclasses import dataclass
from typing import Literal

PROBE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FAILOVER_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
LAG_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A Prometheus metric; one series for each combination of its labels. `bounds` are a histogram's, in seconds."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Stat:
    """A StatsD metric, without its prefix."""

    name: str
    kind: Literal["counter", "timer", "gauge"]
    text: str


_ENDPOINT = ("service", "address")
_KEEPER = ("server", "zone")

BUILD_INFO = Metric("rrdnsd_build_info", "gauge", "Always 1; the version runs.", ("version", "python"))
NODE_INFO = Metric(
    "rrdnsd_node_info", "gauge", "Always 1; the node's name, and active or shadow.", ("node", "mode")
)
WARNINGS = Metric(
    "rrdnsd_warnings", "gauge", "Troubles of this node that an operator should look after: see /health."
)

CONFIG_RELOAD_GOOD = Metric(
    "rrdnsd_config_last_reload_successful",
    "gauge",
    "1 while the configuration file that was read last is the one in use, 0 if it was refused.",
)
CONFIG_TAKEN_UP = Metric(
    "rrdnsd_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration file was last taken up, at the start or by a reload.",
)

ENDPOINT_UP = Metric(
    "rrdnsd_endpoint_up", "gauge", "The verdict: 1 up, 0 down; absent while there is none.", _ENDPOINT
)
ENDPOINT_PUBLISHED = Metric(
    "rrdnsd_endpoint_published",
    "gauge",
    "1: shall be in DNS, 0: shall not; absent: left as it is found.",
    _ENDPOINT,
)
ENDPOINT_VERDICT = Metric(
    "rrdnsd_endpoint_verdict_timestamp_seconds", "gauge", "When the verdict last changed.", _ENDPOINT
)
ENDPOINT_VOTES = Metric(
    "rrdnsd_endpoint_votes",
    "gauge",
    "Votes that count, by state; only where there are several nodes.",
    (*_ENDPOINT, "state"),
)
ENDPOINT_CERTIFICATE = Metric(
    "rrdnsd_endpoint_certificate_remaining_seconds",
    "gauge",
    "Time until the certificate expires, in whole days.",
    _ENDPOINT,
)
ENDPOINTS_OMITTED = Metric(
    "rrdnsd_endpoints_omitted", "gauge", "Endpoints without metrics of their own, see metrics.max_endpoints."
)

SERVICE_ENDPOINTS = Metric(
    "rrdnsd_service_endpoints",
    "gauge",
    "Endpoints by state, orders included: up, down, unknown, drained.",
    ("service", "state"),
)
SERVICE_VOTER = Metric(
    "rrdnsd_service_voter", "gauge", "Whether this node probes the service and votes on it.", ("service",)
)
SERVICE_PENDING = Metric(
    "rrdnsd_service_pending_endpoints", "gauge", "Endpoints without a quorum at the moment.", ("service",)
)
SERVICE_PUBLISHED = Metric(
    "rrdnsd_service_published_addresses", "gauge", "Addresses that shall be in DNS.", ("service",)
)
SERVICE_HELD = Metric("rrdnsd_service_held", "gauge", "1 while nothing may be written for it.", ("service",))
SERVICE_FAIL_OPEN = Metric(
    "rrdnsd_service_fail_open",
    "gauge",
    "1 while so much is down that health is not believed.",
    ("service",),
)
SERVICE_MAINTENANCE = Metric("rrdnsd_service_maintenance", "gauge", "1 while in maintenance.", ("service",))
SERVICE_CHECK = Metric(
    "rrdnsd_service_check_up",
    "gauge",
    "1 while a client of the service finds it well, by its service_check; none before the first look.",
    ("service",),
)
VERDICT_CHANGES = Metric(
    "rrdnsd_verdict_changes_total",
    "counter",
    "Verdicts that changed between up and down.",
    ("service", "to"),
)

PROBES = Metric(
    "rrdnsd_probes_total",
    "counter",
    "Probes that ended, by result: success or failure.",
    ("service", "result"),
)
PROBE_DURATION = Metric(
    "rrdnsd_probe_duration_seconds",
    "histogram",
    "Duration of successful probes. Beyond metrics.max_services for all services together, without the label.",
    ("service",),
    PROBE_BOUNDS,
)
PROBES_STARTED = Metric("rrdnsd_probes_started_total", "counter", "Probes that were started.")
PROBES_IN_FLIGHT = Metric("rrdnsd_probes_in_flight", "gauge", "Probes under way.")
PROBE_JOBS = Metric("rrdnsd_probe_jobs", "gauge", "What is probed, targets of connectivity_check included.")
PROBE_OVERRUNS = Metric(
    "rrdnsd_probe_overruns_total", "counter", "Probes skipped because the one before was still under way."
)
PROBES_MISSED = Metric(
    "rrdnsd_probes_missed_total", "counter", "Probes that were due while the process stood still."
)
PROBE_START_LAG = Metric(
    "rrdnsd_probe_start_lag_seconds",
    "gauge",
    "How late probes start, of the last several thousand since the start-up: percentiles 50, 99 and 100.",
    ("percentile",),
)
PROBE_STARTS = Metric(
    "rrdnsd_probe_start_delay_seconds",
    "histogram",
    "How late probes start, all of them since the start-up.",
    (),
    LAG_BOUNDS,
)
PROBE_LOAD = Metric(
    "rrdnsd_probe_load_ratio",
    "gauge",
    "Share of the last seconds that was spent on probing: 1 is all there is.",
)
PROBE_BUSY = Metric("rrdnsd_probe_busy_seconds_total", "counter", "Time of the event loop spent on probes.")
LOOP_LAG = Metric(
    "rrdnsd_event_loop_lag_seconds",
    "histogram",
    "How late the event loop is, measured four times a second.",
    (),
    LAG_BOUNDS,
)
QUEUE_LENGTH = Metric(
    "rrdnsd_queue_length", "gauge", "What waits: events to be written, requests to the disk.", ("queue",)
)
STORE_TROUBLE = Metric(
    "rrdnsd_store_trouble", "gauge", "1 while the file of events and orders cannot be written."
)
STORE_LOST = Metric("rrdnsd_store_lost_total", "counter", "Records that were dropped instead of written.")

DNS_UP = Metric("rrdnsd_dns_up", "gauge", "1 if the last look at or write to the server went well.", _KEEPER)
DNS_READS = Metric("rrdnsd_dns_reads_total", "counter", "Looks at what the server serves.", _KEEPER)
DNS_NOOPS = Metric(
    "rrdnsd_dns_noops_total", "counter", "Looks after which nothing had to be written.", _KEEPER
)
DNS_MESSAGES = Metric("rrdnsd_dns_messages_total", "counter", "Update messages that were sent.", _KEEPER)
DNS_WRITES = Metric(
    "rrdnsd_dns_writes_total",
    "counter",
    "Changes of a name by answer: an RCODE, stale (a prerequisite failed), none (no RCODE came).",
    (*_KEEPER, "rcode"),
)
DNS_FAILURES = Metric(
    "rrdnsd_dns_failures_total", "counter", "Looks and writes that failed as a whole.", _KEEPER
)
DNS_REPAIRS = Metric(
    "rrdnsd_dns_drift_repairs_total",
    "counter",
    "Names that others had changed and that were repaired.",
    _KEEPER,
)
DNS_LAST_GOOD = Metric(
    "rrdnsd_dns_last_success_timestamp_seconds", "gauge", "When all was well with it last.", _KEEPER
)
DNS_SERVED = Metric(
    "rrdnsd_dns_served_seconds",
    "histogram",
    "From the decision of this node until the server was seen to serve it, where this node wrote.",
    ("server",),
    FAILOVER_BOUNDS,
)
REMOVALS_REFUSED = Metric(
    "rrdnsd_removals_refused_total", "counter", "Times the guard max_removals stepped in.", ("zone",)
)
FAILOVER = Metric(
    "rrdnsd_failover_seconds",
    "histogram",
    "From the first deviating probe until each step: asked (the peers), decided, written, visible (on all servers).",
    ("step",),
    FAILOVER_BOUNDS,
)

NODES = Metric("rrdnsd_nodes", "gauge", "Nodes that are configured.")
NODES_HEARD = Metric("rrdnsd_nodes_heard", "gauge", "Nodes that are heard, this one included.")
QUORUM_NODES = Metric("rrdnsd_quorum_nodes", "gauge", "Nodes that make a quorum.")
NO_QUORUM = Metric("rrdnsd_no_quorum", "gauge", "1 while too few nodes are heard: nothing is written.")
ABSTAINING = Metric("rrdnsd_abstaining", "gauge", "1 while the votes of this node do not count.")
PEER_COUNTED = Metric("rrdnsd_peer_counted", "gauge", "1 while the votes of the peer count.", ("node",))
PEER_HEARD = Metric(
    "rrdnsd_peer_heard_timestamp_seconds", "gauge", "When the peer was last heard.", ("node",)
)
PEER_MESSAGES = Metric(
    "rrdnsd_peer_messages_total", "counter", "Messages of the peer that were taken in.", ("node",)
)
MESSAGES_REFUSED = Metric(
    "rrdnsd_messages_refused_total", "counter", "Messages in the name of peers that were refused.", ("cause",)
)
VOTES = Metric(
    "rrdnsd_votes", "gauge", "Endpoints by what the node says of them: up, down, unknown.", ("node", "state")
)
MISMATCHES = Metric(
    "rrdnsd_mismatches", "gauge", "Differences between this node's configuration and its peers'."
)
ORDERS_AGREE = Metric(
    "rrdnsd_orders_agree", "gauge", "1 while all nodes that are heard know the same orders."
)
ORDERS = Metric(
    "rrdnsd_orders",
    "gauge",
    "Orders that stand: drain, maintenance, forced_up, forced_down, pause, failover.",
    ("kind",),
)

NOTIFICATIONS = Metric(
    "rrdnsd_notifications_total",
    "counter",
    "Messages to people by result: sent, failed (a try), given_up.",
    ("notifier", "result"),
)
NOTIFIER_WAITING = Metric("rrdnsd_notifier_waiting", "gauge", "Messages that wait to be sent.", ("notifier",))
NOTIFIER_FAILING = Metric(
    "rrdnsd_notifier_failing", "gauge", "1 if the last try to send failed.", ("notifier",)
)

FETCH_CNT = Stat("fetch.cnt", "counter", "Probes that were started.")
PROBE_DURATION_STAT = Stat(
    "probe.duration", "timer", "Time the event loop spent on probes since the last flush, one value each."
)
PROBE_FAILURE_CNT = Stat("probe.failure.cnt", "counter", "Probes that failed.")
PROBE_LOAD_FACTOR = Stat("probe.load_factor", "gauge", "Share of the last seconds spent on probing, 0 to 1.")
PROBE_SUCCESS_CNT = Stat("probe.success.cnt", "counter", "Probes that succeeded.")
PROBE_TIME_MSEC = Stat("probe_time_msec", "timer", "Duration of probes, failed ones included; sampled.")
RECEIVED_UPDATE_CNT = Stat("received_update.cnt", "counter", "Messages of peers that were taken in.")
STATUS_CHANGE_CNT = Stat("status_change.cnt", "counter", "Verdicts that changed between up and down.")

PROCESS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
)
"""What prometheus_client tells of the process by itself."""


def metrics() -> tuple[Metric, ...]:
    """Return every Prometheus metric of our own."""
    return tuple(value for value in globals().values() if isinstance(value, Metric))


def stats() -> tuple[Stat, ...]:
    """Return every StatsD metric."""
    return tuple(value for value in globals().values() if isinstance(value, Stat))
