"""What happened: events are appended without waiting, written in batches, and found again."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Literal

from rrdnsd.errors import StoreError
from rrdnsd.store.database import Database
from rrdnsd.store.jsontext import Json, clean, dump, load_or_null

MOST_PENDING = 10_000
"""How many events wait in memory while they cannot be written; then the oldest are dropped."""

EventKind = Literal[
    "abstain", "budget", "certificate", "failed", "mismatch", "noticed", "order", "peer", "recovered", "reload", "served",
    "service", "service_check", "start", "stop", "transition", "write",
]  # fmt: skip
"""What events are about."""

_BATCH = 1000
_NO_ID = 2**63 - 1

_INSERT = """
INSERT OR REPLACE INTO event (id, at, kind, service, endpoint, node, text, details)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

_CONDITIONS = """
FROM event
WHERE id > :after AND id < :before
    AND (:service IS NULL OR service = :service)
    AND (:endpoint IS NULL OR endpoint = :endpoint)
    AND (:kinds IS NULL OR instr(:kinds, ' ' || kind || ' '))
    AND (:since IS NULL OR at >= :since)
    AND (:until IS NULL OR at < :until)
"""
_COLUMNS = "SELECT id, at, kind, service, endpoint, node, text, details"
_NEWEST = f"{_COLUMNS} {_CONDITIONS} ORDER BY id DESC LIMIT :limit"
_OLDEST = f"{_COLUMNS} {_CONDITIONS} ORDER BY id LIMIT :limit"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One thing that happened. `id` grows with each event, also over restarts. `at` is in epoch seconds.

    `kind` is an `EventKind`, or what another version of rrdnsd wrote. What does not apply is "".
    """

    id: int
    at: float
    kind: str
    service: str
    endpoint: str
    node: str
    text: str
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; None means all. `since` is included, `until` and both ids are not."""

    service: str | None = None
    endpoint: str | None = None
    kinds: Collection[str] | None = None
    since: float | None = None
    until: float | None = None
    before_id: int | None = None
    after_id: int | None = None

    def takes(self, event: EventRecord) -> bool:
        """Tell if the event is wanted."""
        return (
            self.service in (None, event.service)
            and self.endpoint in (None, event.endpoint)
            and (self.kinds is None or event.kind in self.kinds)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
            and (self.before_id is None or event.id < self.before_id)
            and (self.after_id is None or event.id > self.after_id)
        )


class Events:
    """The list of events; make it with `open_events`."""

    def __init__(self, database: Database, next_id: int, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._next_id = next_id
        self._clock = clock
        self._pending: deque[EventRecord] = deque()
        self._flushing = False

    @property
    def waiting(self) -> int:
        """How many events are not written yet."""
        return len(self._pending)

    def append(
        self,
        kind: EventKind,
        text: str,
        *,
        service: str = "",
        endpoint: str = "",
        node: str = "",
        details: Mapping[str, Json] | None = None,
        at: float | None = None,
    ) -> EventRecord:
        """Add an event and return it with its id; it is written within a second or so. Never waits, never fails."""
        when = self._clock() if at is None else at
        event = EventRecord(self._next_id, when, kind, service, endpoint, node, text, details or {})
        self._next_id += 1
        if len(self._pending) >= MOST_PENDING:
            self._pending.popleft()
            self._database.count_lost(1)
        self._pending.append(event)
        return event

    async def query(self, wanted: EventFilter = EventFilter(), limit: int = 100) -> tuple[EventRecord, ...]:
        """Find events, those that are not written yet as well.

        The newest come first, at most `limit` of them; with `after_id` the oldest after that come first.

        Raises:
            StoreError: the file cannot be read.

        """
        # Taken before reading: what is written meanwhile is found at least once.
        pending = [event for event in self._pending if wanted.takes(event)]
        stored = await self._database.read(partial(_select, wanted, limit))
        found = {event.id: event for event in (*stored, *pending)}
        newest_first = wanted.after_id is None
        return tuple(found[number] for number in sorted(found, reverse=newest_first)[:limit])

    async def flush(self) -> None:
        """Write what is pending, unless the file is at rest after a fault; what cannot be written stays pending."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while self._pending:
                batch = tuple(islice(self._pending, _BATCH))
                if not await self._database.offer(partial(_insert, batch), len(batch)):
                    break
                while self._pending and self._pending[0].id <= batch[-1].id:
                    self._pending.popleft()
        finally:
            self._flushing = False


async def open_events(database: Database, clock: Callable[[], float] = time.time) -> Events:
    """Go on with the events of this database.

    Ids begin at the time in milliseconds or after the last one, so that ids which a crash or a new file made
    the database forget, and which a reader may have seen, do not come again.
    """
    try:
        last = await database.read(_last_id)
    except StoreError:
        last = 0
    return Events(database, max(last + 1, int(clock() * 1000)), clock)


def _last_id(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0])


def _insert(batch: Iterable[EventRecord], connection: sqlite3.Connection) -> None:
    connection.executemany(
        _INSERT,
        (
            (e.id, e.at, *map(clean, (e.kind, e.service, e.endpoint, e.node, e.text)), dump(e.details))
            for e in batch
        ),
    )


def _select(wanted: EventFilter, limit: int, connection: sqlite3.Connection) -> list[EventRecord]:
    values = {
        "after": -1 if wanted.after_id is None else wanted.after_id,
        "before": _NO_ID if wanted.before_id is None else wanted.before_id,
        "service": wanted.service,
        "endpoint": wanted.endpoint,
        "kinds": None if wanted.kinds is None else f" {' '.join(wanted.kinds)} ",
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
    }
    rows = connection.execute(_NEWEST if wanted.after_id is None else _OLDEST, values)
    return [
        EventRecord(number, at, kind, service, endpoint, node, text, _details(details))
        for number, at, kind, service, endpoint, node, text, details in rows
    ]


def _details(text: str) -> Mapping[str, Json]:
    value = load_or_null(text)
    return value if isinstance(value, dict) else {}
