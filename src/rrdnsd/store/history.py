"""Uptime and latency of endpoints, counted by minute and by hour."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from rrdnsd.core.model import EndpointKey
from rrdnsd.store import histogram
from rrdnsd.store.database import Database
from rrdnsd.store.endpoints import number_of
from rrdnsd.store.histogram import Histogram
from rrdnsd.store.recorder import FAILED, Harvest

MINUTE = 60
HOUR = 3600

MOST_SPANS = 10_000
"""How many minutes or hours of an endpoint a question looks at, the newest ones."""

_SLICE = 10

_ADD = """
INSERT INTO span (width, start, endpoint, probes, failures, up, known, latency) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (width, start, endpoint) DO UPDATE SET
    probes = probes + excluded.probes, failures = failures + excluded.failures,
    up = up + excluded.up, known = known + excluded.known,
    latency = merge_latency(latency, excluded.latency)
"""

# The spans of an endpoint lie apart: they are sought one by one instead of reading those of all endpoints.
_SELECT = """
WITH RECURSIVE slot (start) AS (
    SELECT :first UNION ALL SELECT start + :width FROM slot WHERE start + :width < :until
)
SELECT service, address, span.start, probes, failures, up, known, latency
FROM endpoint CROSS JOIN slot
CROSS JOIN span ON span.width = :width AND span.start = slot.start AND span.endpoint = endpoint.id
WHERE (:service IS NULL OR service = :service) AND (:address IS NULL OR address = :address)
ORDER BY service, address, slot.start
"""


_ENDS = "SELECT (SELECT min(start) FROM span WHERE width = ?), (SELECT max(start) FROM span WHERE width = ?)"


@dataclass(frozen=True, slots=True)
class Span:
    """What was seen of one endpoint in `seconds` from `start` (epoch seconds).

    `up` and `known` are the seconds in which the verdict was up, and up or down. `latency` counts the
    successful probes only.
    """

    start: int
    seconds: int
    probes: int
    failures: int
    up: float
    known: float
    latency: Histogram

    @property
    def uptime(self) -> float | None:
        """The share (0 to 1) of the known time in which it was up; None if nothing is known."""
        return min(1.0, self.up / self.known) if self.known else None

    def percentile(self, share: float) -> float | None:
        """Return the latency in seconds that so many (0 to 1) of the successful probes kept, within histogram.ERROR."""
        return histogram.percentile(self.latency, share)


@dataclass(frozen=True, slots=True)
class Uptime:
    """How much of a span an endpoint was up; `share` is None if nothing is known."""

    start: int
    seconds: int
    share: float | None
    up: float
    known: float
    probes: int
    failures: int


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the successful probes of a span took, in seconds; None if there were none."""

    start: int
    seconds: int
    count: int
    p50: float | None
    p90: float | None
    p99: float | None


class History:
    """Questions about the past; what happened in the last minute may still be missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spans(
        self,
        since: float,
        until: float,
        *,
        step: int = HOUR,
        service: str | None = None,
        endpoint: str | None = None,
    ) -> Mapping[EndpointKey, Sequence[Span]]:
        """Return what is known of each endpoint, in spans of `step` seconds (a multiple of a minute).

        Spans begin at multiples of `step` of the epoch; the first contains `since`. Spans of whole hours go
        back for 400 days, others for two. Spans of which nothing is known are left out.

        Raises:
            StoreError: the file cannot be read.
            ValueError: `step` is not a multiple of a minute.

        """
        if step <= 0 or step % MINUTE:
            raise ValueError(f"a step of {step} s is not a multiple of {MINUTE} s")
        return await self._database.read(partial(_select, (since, until), step, (service, endpoint)))

    async def uptime(
        self,
        since: float,
        until: float,
        *,
        step: int = HOUR,
        service: str | None = None,
        endpoint: str | None = None,
    ) -> Mapping[EndpointKey, Sequence[Uptime]]:
        """Return how much each endpoint was up; see `spans`."""
        found = await self.spans(since, until, step=step, service=service, endpoint=endpoint)
        return {key: [_uptime(span) for span in spans] for key, spans in found.items()}

    async def latency(
        self,
        since: float,
        until: float,
        *,
        step: int = HOUR,
        service: str | None = None,
        endpoint: str | None = None,
    ) -> Mapping[EndpointKey, Sequence[Latency]]:
        """Return the percentiles of each endpoint's latency; see `spans`."""
        found = await self.spans(since, until, step=step, service=service, endpoint=endpoint)
        return {key: [_latency(span) for span in spans] for key, spans in found.items()}


def insert(harvests: Iterable[Harvest], at: float, connection: sqlite3.Connection) -> None:
    """Add what was counted to the minute and the hour of this time."""
    for harvest in harvests:
        number = number_of(connection, harvest.key, at)
        counts = dict(histogram.count(harvest.codes))
        failures = counts.pop(FAILED, 0)
        figures = (len(harvest.codes), failures, harvest.up, harvest.known, histogram.encode(counts))
        for width in (MINUTE, HOUR):
            connection.execute(_ADD, (width, int(at) // width * width, number, *figures))


def prune(connection: sqlite3.Connection, width: int, older_than: float) -> None:
    """Delete spans of this width that began before this time, some at a time: many may be due after a long stop."""
    oldest = connection.execute("SELECT min(start) FROM span WHERE width = ?", (width,)).fetchone()[0]
    if oldest is not None:
        limit = min(older_than, oldest + _SLICE * width)
        connection.execute("DELETE FROM span WHERE width = ? AND start < ?", (width, limit))


def _select(
    period: tuple[float, float],
    step: int,
    wanted: tuple[str | None, str | None],
    connection: sqlite3.Connection,
) -> Mapping[EndpointKey, Sequence[Span]]:
    since, until = period
    width = MINUTE if step % HOUR else HOUR
    oldest, newest = connection.execute(_ENDS, (width, width)).fetchone()
    if oldest is None:
        return {}
    end = min(until, newest + width)
    values = {
        "first": max(int(since // step * step), oldest, int(end) // width * width - MOST_SPANS * width),
        "until": end,
        "width": width,
        "service": wanted[0],
        "address": wanted[1],
    }
    rows = [
        (
            EndpointKey(name, address),
            Span(start // step * step, step, probes, failures, up, known, histogram.decode(latency)),
        )
        for name, address, start, probes, failures, up, known, latency in connection.execute(_SELECT, values)
    ]
    found: dict[EndpointKey, list[Span]] = {}
    for (key, _), group in groupby(rows, key=lambda row: (row[0], row[1].start)):
        found.setdefault(key, []).append(_merged([span for _, span in group]))
    return found


def _merged(spans: Sequence[Span]) -> Span:
    if len(spans) == 1:
        return spans[0]
    return Span(
        spans[0].start,
        spans[0].seconds,
        sum(span.probes for span in spans),
        sum(span.failures for span in spans),
        sum(span.up for span in spans),
        sum(span.known for span in spans),
        histogram.merge(span.latency for span in spans),
    )


def _uptime(span: Span) -> Uptime:
    return Uptime(span.start, span.seconds, span.uptime, span.up, span.known, span.probes, span.failures)


def _latency(span: Span) -> Latency:
    return Latency(
        span.start,
        span.seconds,
        span.probes - span.failures,
        span.percentile(0.5),
        span.percentile(0.9),
        span.percentile(0.99),
    )
