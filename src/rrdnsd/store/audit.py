"""Who did what and why: one row for each request that changed something, never changed afterwards."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from rrdnsd.store.database import Database
from rrdnsd.store.jsontext import Json, clean, dump_or_null, load_or_null

_INSERT = """
INSERT OR IGNORE INTO audit (at, who, action, target, why, "before", "after", request_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

_SELECT = """
SELECT at, who, action, target, why, "before", "after", request_id, id FROM audit
WHERE id < :before_id
    AND (:who IS NULL OR who = :who)
    AND (:action IS NULL OR action = :action)
    AND (:target IS NULL OR target = :target)
    AND (:request_id IS NULL OR request_id = :request_id)
    AND (:since IS NULL OR at >= :since)
    AND (:until IS NULL OR at < :until)
ORDER BY id DESC LIMIT :limit
"""

_NO_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One request of an operator. `at` is in epoch seconds; `before` and `after` are what the target was and became.

    `request_id` is unique: a request that is sent twice is recorded, and carried out, once. `id` is 0 until
    the row is stored.
    """

    at: float
    who: str
    action: str
    target: str
    why: str
    before: Json = None
    after: Json = None
    request_id: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows are wanted; None means all. `since` is included, `until` and `before_id` are not."""

    who: str | None = None
    action: str | None = None
    target: str | None = None
    request_id: str | None = None
    since: float | None = None
    until: float | None = None
    before_id: int | None = None


class Audit:
    """The audit rows of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, row: AuditRow) -> bool:
        """Keep a row on its own, durably; returns False if its request was recorded before.

        Raises:
            StoreError: it is not kept.

        """
        return await self._database.write(partial(insert, (row,)))

    async def find(self, request_id: str) -> AuditRow | None:
        """Return the row of a request, if it was carried out before.

        Raises:
            StoreError: the file cannot be read.

        """
        rows = await self.query(AuditFilter(request_id=request_id), 1)
        return rows[0] if rows else None

    async def query(self, wanted: AuditFilter = AuditFilter(), limit: int = 100) -> tuple[AuditRow, ...]:
        """Find rows, the newest first.

        Raises:
            StoreError: the file cannot be read.

        """
        return await self._database.read(partial(_select, wanted, limit))


def insert(rows: Iterable[AuditRow], connection: sqlite3.Connection) -> bool:
    """Write rows; returns False as soon as the request of one was recorded before."""
    return all(connection.execute(_INSERT, _values(row)).rowcount for row in rows)


def _values(row: AuditRow) -> tuple[float | str | None, ...]:
    texts = map(clean, (row.who, row.action, row.target, row.why))
    request = None if row.request_id is None else clean(row.request_id)
    return row.at, *texts, dump_or_null(row.before), dump_or_null(row.after), request


def _select(wanted: AuditFilter, limit: int, connection: sqlite3.Connection) -> tuple[AuditRow, ...]:
    values = {
        "who": wanted.who,
        "action": wanted.action,
        "target": wanted.target,
        "request_id": wanted.request_id,
        "since": wanted.since,
        "until": wanted.until,
        "before_id": _NO_ID if wanted.before_id is None else wanted.before_id,
        "limit": limit,
    }
    return tuple(
        AuditRow(at, who, action, target, why, load_or_null(before), load_or_null(after), request_id, number)
        for at, who, action, target, why, before, after, request_id, number in connection.execute(
            _SELECT, values
        )
    )
