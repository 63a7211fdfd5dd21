"""What is only looked at: GET under /api/v1, and the two that tell if the daemon is well."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Header, Query, Response

from rrdnsd.control import reports
from rrdnsd.control.base import Control
from rrdnsd.web import questions as q
from rrdnsd.web import streams
from rrdnsd.web.access import API
from rrdnsd.web.answers import JSON, Overviews, answer, as_json
from rrdnsd.web.streams import Streams

MOST_SPANS = 1500
_DAY = 86_400.0
_NEVER = -1.0, 0.0  # before there was anything to record

ANSWERS: Mapping[str, type] = {
    "/health": reports.HealthReport,
    "/health/ready": reports.ReadyReport,
    f"{API}/status": reports.StatusReport,
    f"{API}/explain": reports.Explanation,
    f"{API}/events": reports.EventsPage,
    f"{API}/history": reports.HistoryReport,
    f"{API}/runs": reports.RunsReport,
    f"{API}/audit": reports.AuditPage,
    f"{API}/export": reports.Exported,
}
"""The report that each path answers with."""


def add_health(app: FastAPI, control: Control) -> None:
    """Add what monitoring asks."""

    @app.get("/health", tags=["health"])
    async def health() -> Response:
        """Tell that the daemon is alive, and how it is doing; the answer is 200 while it runs."""
        return answer(control.health())

    @app.get("/health/ready", tags=["health"])
    async def ready() -> Response:
        """Tell if this node can do its part: 200, else 503 with what it waits for."""
        report = control.ready()
        status = HTTPStatus.OK if report.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Response(as_json(report), status, media_type=JSON)


def add_reads(app: FastAPI, control: Control, overviews: Overviews) -> None:
    """Add what shows the present."""

    @app.get(f"{API}/status", tags=["see"])
    async def status(asked: Annotated[q.OfService, Query()]) -> Response:
        """Show services, endpoints, every node's vote, verdicts, orders, and what DNS serves."""
        if asked.service is not None:
            return answer(control.status(asked.service))
        return Response(await overviews.text(), media_type=JSON)

    @app.get(f"{API}/explain", tags=["see"])
    async def explain(asked: Annotated[q.OfEndpoint, Query()]) -> Response:
        """Say why each address of a service, or one, is in DNS or not."""
        return answer(control.explain(asked.service, asked.address))

    @app.get(f"{API}/export", tags=["see"])
    async def export() -> Response:
        """Return the configuration file that would lead to what is watched now, without its secrets."""
        return answer(control.export())


def add_past(app: FastAPI, control: Control) -> None:
    """Add what shows the past."""

    @app.get(f"{API}/events", tags=["past"])
    async def events(asked: Annotated[q.OfEvents, Query()]) -> Response:
        """Find events, page by page: the newest first, or the oldest first after the id `after`."""
        wanted = asked.filter(asked.before)
        return answer(await control.events(wanted, asked.limit))

    @app.get(f"{API}/history", tags=["past"])
    async def history(asked: Annotated[q.OfPast, Query()]) -> Response:
        """Show uptime and percentiles of latency in spans of time; what the disk keeps longest are hours."""
        since, until = _span(asked.since, asked.until)
        since = max(since, until - MOST_SPANS * asked.step)
        if since >= until:
            return answer(reports.HistoryReport(since, until, asked.step, []))
        return answer(await control.history(since, until, asked.step, asked.service, asked.address))

    @app.get(f"{API}/runs", tags=["past"])
    async def runs(asked: Annotated[q.OfRuns, Query()]) -> Response:
        """Return recorded probes of a service, run-length encoded, to try other thresholds on."""
        since, until = _span(asked.since, asked.until)
        if since >= until:
            since, until = _NEVER
        return answer(await control.runs(since, until, asked.service, asked.address))

    @app.get(f"{API}/audit", tags=["past"])
    async def audit(asked: Annotated[q.OfAudit, Query()]) -> Response:
        """Show who changed what and why, the newest first."""
        return answer(await control.audit(asked.limit, asked.before))


def add_streams(app: FastAPI, control: Control, open_streams: Streams, overviews: Overviews) -> None:
    """Add what tells of changes as they happen."""

    @app.get(f"{API}/status/stream", tags=["live"])
    async def status_stream() -> Response:
        """Tell the revision of the status at once, and whenever it grows, as server-sent events `changed`."""
        return open_streams.answer(streams.changes(control, overviews.tell))

    @app.get(f"{API}/events/stream", tags=["live"])
    async def events_stream(
        asked: Annotated[q.EventsWanted, Query()], last_event_id: Annotated[str, Header()] = ""
    ) -> Response:
        """Tell events as they happen, as server-sent events `event`; first those after `Last-Event-ID` or `after`."""
        after = int(last_event_id) if q.is_number(last_event_id) else None
        return open_streams.answer(streams.events(control, asked.filter(after=after)), streams.MANY_AHEAD)


def _span(since: float | None, until: float | None) -> tuple[float, float]:
    end = time.time() if until is None else until
    return (max(0.0, end - _DAY) if since is None else since), end
