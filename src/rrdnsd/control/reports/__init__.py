"""What operators are shown: plain values, the same for the API, the dashboard and the command line.

Times are epoch seconds (UTC), durations are seconds unless a name ends in `_ms`. Sentences are for people.
Public configuration is shown, secrets never are.
"""

from rrdnsd.control.reports.cluster import ClusterReport, PeerReport
from rrdnsd.control.reports.endpoints import DrainReport, EndpointReport, RememberedReport, VoteReport
from rrdnsd.control.reports.events import AuditPage, AuditReport, EventFilter, EventReport, EventsPage
from rrdnsd.control.reports.explanation import AddressExplanation, Explanation
from rrdnsd.control.reports.health import HealthReport, ReadyReport
from rrdnsd.control.reports.history import EndpointHistory, HistoryReport, RunReport, RunsReport, SpanReport
from rrdnsd.control.reports.outcome import Exported, Outcome
from rrdnsd.control.reports.services import CheckReport, ServedReport, ServiceReport
from rrdnsd.control.reports.status import ServerReport, StandingOrder, StatusReport

__all__ = [
    "AddressExplanation",
    "AuditPage",
    "AuditReport",
    "CheckReport",
    "ClusterReport",
    "DrainReport",
    "EndpointHistory",
    "EndpointReport",
    "EventFilter",
    "EventReport",
    "EventsPage",
    "Explanation",
    "Exported",
    "HealthReport",
    "HistoryReport",
    "Outcome",
    "PeerReport",
    "ReadyReport",
    "RememberedReport",
    "RunReport",
    "RunsReport",
    "ServedReport",
    "ServerReport",
    "ServiceReport",
    "SpanReport",
    "StandingOrder",
    "StatusReport",
    "VoteReport",
]
