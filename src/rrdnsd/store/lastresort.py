"""Reads a file that cannot be opened as usual because the disk is full or read-only.

A daemon that starts on such a disk must still find the orders: without them, it would publish drained addresses.
"""

import sqlite3
from pathlib import Path

from rrdnsd.store.connection import connect
from rrdnsd.store.schema import APPLICATION_ID, MIGRATIONS

# SQLite keeps the index of the log in a file that a full disk has no room for, but in memory for who locks all out.
_ALONE = "PRAGMA locking_mode = EXCLUSIVE"
_AS_USUAL = "PRAGMA locking_mode = NORMAL"


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the file for reading, in whatever way works.

    Raises:
        sqlite3.Error: there is none, or the file is not of this version.

    """
    for mode, locking in _ways(path):
        try:
            return _open(path, mode, locking)
        except sqlite3.Error as error:
            last = error
    raise last


def _ways(path: Path) -> list[tuple[str, str]]:
    ways = [("mode=rw", _ALONE), ("mode=ro", _AS_USUAL)]
    if not path.with_name(f"{path.name}-wal").exists():
        # Without a log the file alone is the truth; with one, reading it in this way would miss the last writes.
        ways.append(("mode=ro&immutable=1", _AS_USUAL))
    return ways


def _open(path: Path, mode: str, locking: str) -> sqlite3.Connection:
    connection = connect(path, mode)
    try:
        connection.execute(locking)
        _check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if (owner, version) != (APPLICATION_ID, len(MIGRATIONS)):
        raise sqlite3.DatabaseError("the file is not of this version of rrdnsd")
