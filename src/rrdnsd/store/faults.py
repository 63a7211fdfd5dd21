"""What can go wrong with a database file, in words an operator can act on, and how long to leave it alone then."""

import os
import random
import sqlite3
from dataclasses import dataclass

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_PLAIN = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: the directory is gone, read-only or not permitted",
    sqlite3.SQLITE_PERM: "permission denied",
    sqlite3.SQLITE_BUSY: "another process keeps it locked",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked",
    sqlite3.SQLITE_PROTOCOL: "another process keeps it locked",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
}

_LASTING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_FIRST_REST = 1.0
_LONGEST_REST = 60.0


def is_damage(error: Exception) -> bool:
    """Tell if the file itself is broken, so that waiting will not help."""
    return _code(error) in _DAMAGED


def is_fault(error: Exception) -> bool:
    """Tell if the disk or the file is to blame, not the statement."""
    code = _code(error)
    return isinstance(error, OSError) or code == sqlite3.SQLITE_IOERR or code in _PLAIN or code in _DAMAGED


def keeps_connection(error: Exception) -> bool:
    """Tell if the connection can be used as before once the cause is gone."""
    return _code(error) in _LASTING


def sentence(error: Exception) -> str:
    """Say what is wrong with the file."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else str(error)
    code = _code(error)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR_SHMSIZE:
        # What comes of a full disk when the index of the log, a file beside the database, is to be made.
        return _PLAIN[sqlite3.SQLITE_FULL]
    if code == sqlite3.SQLITE_IOERR and isinstance(error, sqlite3.Error):
        return f"the disk failed ({error.sqlite_errorname})"
    return _PLAIN.get(code, str(error)) if code is not None else str(error)


@dataclass(frozen=True, slots=True)
class Rest:
    """Since when writes nobody waits for are held back. `until` is on the monotonic clock, in seconds."""

    failures: int = 0
    until: float = 0.0

    def longer(self, now: float) -> "Rest":
        """Return the rest after one more failure: twice as long, half of it random."""
        ceiling = min(_LONGEST_REST, _FIRST_REST * 2.0 ** min(self.failures, 16))
        return Rest(self.failures + 1, now + ceiling * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter is no secret


def _code(error: Exception) -> int | None:
    # Extended codes carry the primary one in their lowest byte; errors of the module itself have none.
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
