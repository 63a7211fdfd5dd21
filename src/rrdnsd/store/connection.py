"""SQLite connections as the store wants them, and transactions on them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from rrdnsd.store import histogram

BUSY_SECONDS = 5.0
"""How long to wait for a lock that another process holds, a backup for instance."""

_WAL_BYTES = 4 * 1024 * 1024


def connect(path: Path | None, mode: str = "mode=rw") -> sqlite3.Connection:
    """Open an existing file, or a database in memory for None; statements commit by themselves.

    Raises:
        sqlite3.Error: it cannot be opened.

    """
    # Not mode=rwc: a file that vanished must be an error, not a new empty file that nobody has looked at.
    name = f"file:{quote(str(path))}?{mode}" if path else ":memory:"
    connection = sqlite3.connect(
        name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=path is not None
    )
    # A flipped bit in a text must cost one character, not the whole answer.
    connection.text_factory = _text
    connection.create_function("merge_latency", 2, _merge_latency, deterministic=True)
    return connection


def write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and the writer work side by side, where the file system can (NFS cannot)."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")


@contextmanager
def transaction(connection: sqlite3.Connection, *, durable: bool) -> Iterator[None]:
    """All or nothing. `durable` waits for the disk; without it a power cut may undo it, a crash may not.

    Raises:
        sqlite3.Error: nothing was written.

    """
    connection.execute("PRAGMA synchronous = FULL" if durable else "PRAGMA synchronous = NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some faults.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Several reads of one state."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _merge_latency(one: bytes, other: bytes) -> bytes:
    return histogram.encode(histogram.merge((histogram.decode(one), histogram.decode(other))))
