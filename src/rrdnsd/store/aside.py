"""What becomes of a database file that cannot be used: it is renamed, and the orders in it are carried over."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rrdnsd.store.connection import transaction

Order = tuple[str, str, str | None, str, str, str, float]
"""A row of the ledger."""


def rescue(connection: sqlite3.Connection) -> Sequence[Order]:
    """Read the orders that can still be read: a lost one would publish a drained address again."""
    orders: list[Order] = []
    with suppress(sqlite3.Error):
        rows = connection.execute("SELECT key, stamp, value, who, why, node, at FROM ledger")
        orders.extend(row for row in rows if _sane(row))
    return orders


def restore(connection: sqlite3.Connection, orders: Sequence[Order]) -> None:
    """Put orders into a fresh file.

    Raises:
        sqlite3.Error: nothing was written.

    """
    with transaction(connection, durable=True):
        connection.executemany(
            "INSERT OR IGNORE INTO ledger (key, stamp, value, who, why, node, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            orders,
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
