"""What the store remembers, as it is shown: history, runs, the audit."""

from collections.abc import Mapping, Sequence

from rrdnsd.config import EffectiveService
from rrdnsd.config.hiding import masked
from rrdnsd.control.base import OrderError, Problem
from rrdnsd.control.reports import (
    AuditPage,
    AuditReport,
    EndpointHistory,
    HistoryReport,
    RunReport,
    RunsReport,
    SpanReport,
)
from rrdnsd.core.model import EndpointKey
from rrdnsd.store.audit import AuditRow
from rrdnsd.store.history import Span
from rrdnsd.store.runs import Run


def check_span(since: float, until: float, step: int = 60) -> None:
    """See that a span of time makes sense.

    Raises:
        OrderError: it does not.

    """
    if until <= since:
        raise OrderError("invalid", [Problem("until", "must be later than since")])
    if step <= 0 or step % 60:
        raise OrderError("invalid", [Problem("step", f"must be a multiple of 60 seconds, got {step}")])


def history_report(
    since: float, until: float, step: int, found: Mapping[EndpointKey, Sequence[Span]]
) -> HistoryReport:
    """Show the history of endpoints."""
    return HistoryReport(since, until, step, [_endpoint(key, spans) for key, spans in found.items()])


def runs_report(service: EffectiveService, runs: Sequence[Run]) -> RunsReport:
    """Show recorded probes, the oldest first, beside the thresholds that hold now."""
    return RunsReport(
        service=service.fqdn,
        rise=service.rise,
        fall=service.fall,
        interval=service.probe_interval,
        fast_interval=service.fast_interval,
        runs=[
            RunReport(run.key.address, run.started, run.last, run.ok, run.count, run.reason)
            for run in sorted(runs, key=lambda run: run.started)
        ],
    )


def audit_page(rows: Sequence[AuditRow], limit: int) -> AuditPage:
    """Show audit rows, of which one more than `limit` was asked for."""
    return AuditPage([_audit(row) for row in rows[:limit]], more=len(rows) > limit)


def _endpoint(key: EndpointKey, spans: Sequence[Span]) -> EndpointHistory:
    known = sum(span.known for span in spans)
    uptime = min(1.0, sum(span.up for span in spans) / known) if known else None
    return EndpointHistory(key.service, key.address, uptime, [_span(span) for span in spans])


def _span(span: Span) -> SpanReport:
    p50, p90, p99 = (_ms(span.percentile(share)) for share in (0.5, 0.9, 0.99))
    return SpanReport(span.start, span.seconds, span.probes, span.failures, span.uptime, p50, p90, p99)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _audit(row: AuditRow) -> AuditReport:
    return AuditReport(
        id=row.id,
        at=row.at,
        who=row.who,
        action=row.action,
        target=row.target,
        why=row.why,
        before=masked(row.before),
        after=masked(row.after),
        request_id=row.request_id or "",
    )
