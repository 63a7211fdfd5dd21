"""How long things are kept, and forgetting them in portions that hold up nobody."""

import sqlite3
from dataclasses import dataclass

from rrdnsd.store import endpoints, history

_DAY = 86400.0
_PORTION = 100_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long (seconds) and how many records are kept of each kind, whichever is less. Orders are kept for ever."""

    events: float = 90 * _DAY
    most_events: int = 100_000
    audit: float = 400 * _DAY
    most_audit: int = 100_000
    minutes: float = 2 * _DAY
    hours: float = 400 * _DAY
    runs: float = 30 * _DAY
    most_runs: int = 500_000


USUAL = Retention()


def prune_history(kept: Retention, now: float, connection: sqlite3.Connection) -> None:
    """Forget spans; cheap, for each minute."""
    history.prune(connection, history.MINUTE, now - kept.minutes)
    history.prune(connection, history.HOUR, now - kept.hours)


def prune_lists(kept: Retention, now: float, connection: sqlite3.Connection) -> None:
    """Forget events, audit rows, runs and endpoints; reads some of these tables whole."""
    _trim(connection, "event", "at", now - kept.events, kept.most_events)
    _trim(connection, "audit", "at", now - kept.audit, kept.most_audit)
    _trim(connection, "run", "last", now - kept.runs, kept.most_runs)
    endpoints.prune(connection, now - max(kept.hours, kept.runs) - _DAY)


def _trim(connection: sqlite3.Connection, table: str, time: str, older_than: float, most: int) -> None:
    # Ids follow time, so the old ones are those before the first that is not old: no index on time is needed.
    young = connection.execute(
        f"SELECT id FROM {table} WHERE {time} >= ? ORDER BY id LIMIT 1",  # noqa: S608 -- names are constants above
        (older_than,),
    ).fetchone()
    first = connection.execute(
        f"SELECT id FROM {table} ORDER BY id DESC LIMIT 1 OFFSET ?",  # noqa: S608 -- names are constants above
        (most - 1,),
    ).fetchone()
    limit = max(row[0] for row in (young, first, (0,)) if row)
    connection.execute(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id < ? ORDER BY id LIMIT ?)",  # noqa: S608 -- names are constants above
        (limit, _PORTION),
    )
