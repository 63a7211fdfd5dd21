"""A status report as a person reads it: first what is wrong everywhere, then service by service."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from rrdnsd.cli.tables import milliseconds, state, table
from rrdnsd.cli.times import show_duration, show_time
from rrdnsd.control.reports import (
    EndpointReport,
    PeerReport,
    ServedReport,
    ServiceReport,
    StandingOrder,
    StatusReport,
)

_ALARM = "bold red"
_NOTE = "yellow"


def status_view(report: StatusReport) -> RenderableType:
    """Lay out a whole report."""
    parts: list[RenderableType] = [_head(report), *map(_alarm, _alarms(report))]
    for service in report.services:
        parts += ["", *_service(service, report)]
    if report.orders:
        lines = (_indented(_order(order, report.now)) for order in report.orders)
        parts += ["", Text("Orders that stand", style="bold"), *lines]
    if report.cluster.peers:
        parts += ["", Text("Other nodes", style="bold"), _nodes(report.cluster.peers)]
    return Group(*parts)


def _head(report: StatusReport) -> Text:
    counts = [f"{len(report.services)} services" if len(report.services) != 1 else "1 service"]
    counts += [
        f"{number} {word}"
        for word in ("down", "degraded", "unknown")
        if (number := sum(service.state == word for service in report.services))
    ]
    nodes = f"{report.cluster.nodes} nodes" if report.cluster.nodes > 1 else "alone"
    head = Text(
        f"{show_time(report.now, report.now)}  {report.node}, {nodes}: {', '.join(counts)}", style="bold"
    )
    if report.mode != "active":
        head.append(f"  ({report.mode} mode: nothing is written)", style=_NOTE)
    return head


def _alarms(report: StatusReport) -> Iterator[str]:
    cluster = report.cluster
    if report.paused:
        yield f"nothing is written: {report.paused}"
    if cluster.no_quorum:
        yield f"nothing is written: {cluster.no_quorum}"
    if cluster.abstains:
        yield f"this node abstains: {cluster.abstains}"
    if not cluster.orders_agree:
        yield "not every node knows the same orders yet"
    yield from cluster.mismatches
    yield from (f"{entry.server}, zone {entry.zone}: {entry.error}" for entry in report.dns if entry.error)
    yield from report.warnings


def _alarm(sentence: str) -> Text:
    return Text(f"! {sentence}", style=_ALARM)


def _service(service: ServiceReport, report: StatusReport) -> Iterator[RenderableType]:
    head = Text(service.fqdn, style="bold")
    head.append("  ").append_text(state(service.state))
    if service.reason:
        head.append(f"  {service.reason}")
    yield head
    yield from (_indented(sentence, _NOTE) for sentence in _notes(service))
    several = report.cluster.nodes > 1
    columns = ["address", "state", "in DNS", *(["votes"] if several else []), "latency", "why"]
    voters = len(service.voters) or report.cluster.nodes
    rows = [_row(endpoint, report, voters if several else 0) for endpoint in service.endpoints]
    yield Padding(table(columns, rows, right=["latency"]), (0, 0, 0, 2))
    for served in service.served:
        if sentence := _wrong(served):
            yield _indented(sentence, _NOTE)


def _notes(service: ServiceReport) -> Iterator[str]:
    if service.check and service.check.state != "unknown":
        yield f"as a client sees it: {service.check.reason or 'well'}"
    if service.maintenance:
        yield service.maintenance
    if service.held and not (service.maintenance and service.held.startswith("maintenance")):
        yield f"held: {service.held}"
    if service.fail_open:
        yield f"fail-open: {service.fail_open}"
    if service.failover:
        yield f"failover: prefers {', '.join(service.failover)}"


def _row(endpoint: EndpointReport, report: StatusReport, voters: int) -> list[str | Text]:
    counted = [vote for vote in endpoint.votes if vote.counted]
    votes = f"{sum(vote.state == endpoint.verdict for vote in counted)} of {voters}"
    return [
        endpoint.address,
        state(endpoint.state),
        _in_dns(endpoint),
        *([votes] if voters else []),
        milliseconds(endpoint.latency_ms),
        "; ".join(_why(endpoint, report.now)),
    ]


def _in_dns(endpoint: EndpointReport) -> str:
    if endpoint.published is None:
        return "as found"
    if endpoint.published is endpoint.served:
        return "yes" if endpoint.served else "no"
    return "adding" if endpoint.published else "removing"


def _why(endpoint: EndpointReport, now: float) -> Iterator[str]:
    if endpoint.label:
        yield endpoint.label
    if endpoint.priority:
        yield f"priority {endpoint.priority}"
    if endpoint.forced:
        yield f"forced {endpoint.forced}"
    if endpoint.drain:
        drain = endpoint.drain
        if drain.safe:
            yield "safe to stop"
        elif drain.safe_at is not None:
            yield f"safe to stop at {show_time(drain.safe_at, now)}"
        else:
            yield f"draining: {drain.waiting_for}" if drain.waiting_for else "draining"
    if endpoint.pending:
        yield "no quorum for now"
    if endpoint.verdict != "up" and endpoint.reason:
        since = f" (since {show_time(endpoint.since, now)})" if endpoint.since else ""
        yield f"{endpoint.reason}{since}"


def _wrong(served: ServedReport) -> str:
    name = f"{served.server}, {served.rtype}"
    if served.error:
        return f"{name}: {served.error}"
    if not served.right:
        return f"{name}: not as it should be, serves {', '.join(served.addresses) or 'nothing'}"
    return f"{name}: foreign {', '.join(served.foreign)}" if served.foreign else ""


def _order(order: StandingOrder, now: float) -> str:
    on = " ".join(filter(None, (order.address, order.service))) or "of everything"
    to = f" to {', '.join(order.to)}" if order.to else ""
    until = f" until {show_time(order.until, now)}" if order.until is not None else ""
    by = f" by {order.who}" if order.who else ""
    why = f": {order.why}" if order.why else ""
    return f"{order.kind} {on}{to}{until}, since {show_time(order.since, now)}{by}{why}"


def _indented(sentence: str, style: str = "") -> Padding:
    return Padding(Text(sentence, style=style), (0, 0, 0, 2))


def _ago(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else show_duration(seconds)  # noqa: PLR2004 - two figures are enough


def _nodes(peers: Sequence[PeerReport]) -> Padding:
    rows = [
        [
            peer.node,
            "counts" if peer.counted else Text("does not count", style=_NOTE),
            "never" if peer.heard_s is None else f"{_ago(peer.heard_s)} ago",
            f"abstains: {peer.abstains}" if peer.abstains else "",
        ]
        for peer in peers
    ]
    return Padding(table(["node", "ballots", "heard", ""], rows), (0, 0, 0, 2))
