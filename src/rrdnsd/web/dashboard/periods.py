"""The history of one service over a day, a week or a month."""

from collections.abc import Mapping
from dataclasses import dataclass

from rrdnsd.control.reports import EndpointHistory, HistoryReport
from rrdnsd.web.dashboard.past import DAY, HOUR
from rrdnsd.web.dashboard.shapes import Bar, Spark, bar, spark

PERIODS: Mapping[str, tuple[str, int, int]] = {
    "24h": ("24 hours", DAY, HOUR),
    "7d": ("7 days", 7 * DAY, 6 * HOUR),
    "30d": ("30 days", 30 * DAY, DAY),
}
"""What can be chosen: its words, its length and the step in seconds."""


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One endpoint over the whole period; percentiles are the worst of its steps but for the median."""

    address: str
    uptime: float | None
    bar: Bar
    line: Spark | None
    p50: float | None
    p90: float | None
    p99: float | None


def period_rows(report: HistoryReport) -> list[PeriodRow]:
    """Return a row for each endpoint of which something is known."""
    return [_row(report, found) for found in report.endpoints]


def _row(report: HistoryReport, found: EndpointHistory) -> PeriodRow:
    def known(name: str) -> list[float]:
        return sorted(ms for span in found.spans if (ms := getattr(span, name)) is not None)

    p50, p90, p99 = known("p50_ms"), known("p90_ms"), known("p99_ms")
    return PeriodRow(
        address=found.address,
        uptime=found.uptime,
        bar=bar(found.spans, report.since, report.until, report.step),
        line=spark(found.spans, report.since - report.step, report.until),
        p50=p50[len(p50) // 2] if p50 else None,
        p90=p90[-1] if p90 else None,
        p99=p99[-1] if p99 else None,
    )
