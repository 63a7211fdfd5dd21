"""What becomes of a database file that cannot be used: it is renamed, and what must not be forgotten is carried over."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rrdnsd.store.connection import transaction

Order = tuple[str, str, str | None, str, str, str, float]
"""A row of the ledger."""

_MEMBERSHIP = "one, base, version, nodes, promised, accepted, file"


@dataclass(frozen=True, slots=True)
class Rescued:
    """What could be read of a file: orders, and the rows (one at most) about the list of nodes."""

    orders: Sequence[Order] = ()
    membership: Sequence[Sequence[object]] = ()


def rescue(connection: sqlite3.Connection) -> Rescued:
    """Read what can still be read: a lost order would publish a drained address again, a lost promise break one."""
    orders: list[Order] = []
    membership: list[Sequence[object]] = []
    with suppress(sqlite3.Error):
        rows = connection.execute("SELECT key, stamp, value, who, why, node, at FROM ledger")
        orders.extend(row for row in rows if _sane(row))
    with suppress(sqlite3.Error):
        membership.extend(connection.execute(f"SELECT {_MEMBERSHIP} FROM membership"))  # noqa: S608 -- a constant
    return Rescued(orders, membership)


def restore(connection: sqlite3.Connection, rescued: Rescued) -> None:
    """Put what was rescued into a fresh file.

    Raises:
        sqlite3.Error: nothing was written.

    """
    with transaction(connection, durable=True):
        connection.executemany(
            "INSERT OR IGNORE INTO ledger (key, stamp, value, who, why, node, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rescued.orders,
        )
        connection.executemany(
            f"INSERT OR IGNORE INTO membership ({_MEMBERSHIP}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 -- a constant
            rescued.membership,
        )


def rename(path: Path) -> Path:
    """Rename the file with what SQLite keeps beside it, so that it can still be looked into.

    Raises:
        OSError: the directory cannot be written.

    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    broken = path.with_name(f"{path.name}.broken-{stamp}")
    number = 1
    while broken.exists():
        number += 1
        broken = path.with_name(f"{path.name}.broken-{stamp}-{number}")
    # The log goes first: left behind, it would be taken for that of the next file.
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(broken.with_name(broken.name + suffix))
    return broken


def _sane(row: Sequence[object]) -> bool:
    key, stamp, value, who, why, node, at = row
    texts = (key, stamp, who, why, node, "" if value is None else value)
    return isinstance(at, float) and all(isinstance(text, str) for text in texts)
