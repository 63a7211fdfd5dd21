"""Opens the database file: checks it, brings its tables up to date, and replaces what cannot be used."""

import os
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rrdnsd.store import aside, faults
from rrdnsd.store.connection import connect, write_ahead
from rrdnsd.store.schema import APPLICATION_ID, MIGRATIONS

_SMALL = 64 * 1024 * 1024
_PRECIOUS = ("ledger", "audit", "event")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database; `told` says what was set aside, "" if nothing was."""

    connection: sqlite3.Connection
    told: str = ""


class _UnusableError(Exception):
    """The file is there and readable, and still not ours to use; `rescued` could be read from it."""

    def __init__(self, why: str, rescued: aside.Rescued) -> None:
        super().__init__(why)
        self.rescued = rescued


def open_memory(migrations: Sequence[str] = MIGRATIONS) -> Opened:
    """Open an empty database in memory."""
    connection = connect(None)
    _migrate(connection, migrations)
    return Opened(connection)


def open_file(path: Path, migrations: Sequence[str] = MIGRATIONS, *, condemned: bool = False) -> Opened:
    """Open the file, or make it; a broken, foreign or condemned one is renamed and a fresh one takes its place.

    Raises:
        sqlite3.Error, OSError: it cannot be opened, made or replaced for now; nothing has changed.

    """
    try:
        return Opened(_open(path, migrations, condemned=condemned))
    except _UnusableError as unusable:
        fresh = _fresh(path)
        _make(fresh, migrations, unusable.rescued)
        renamed = aside.rename(path)
        fresh.rename(path)
        told = (
            f"{path} {unusable}; it was renamed to {renamed.name} and a fresh file took its place; "
            f"{len(unusable.rescued.orders)} orders of operators were carried over"
        )
        return Opened(_open(path, migrations, condemned=False), told)


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.fresh")


def _open(path: Path, migrations: Sequence[str], *, condemned: bool) -> sqlite3.Connection:
    if not path.exists():
        _begin(path)
    connection = connect(path)
    try:
        _inspect(connection, path, migrations, condemned=condemned)
        write_ahead(connection)
        _migrate(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _inspect(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[str], *, condemned: bool
) -> None:
    why = "was found damaged while in use" if condemned else _trouble_with(connection, path, migrations)
    if why:
        raise _UnusableError(why, aside.rescue(connection))


def _begin(path: Path) -> None:
    fresh = _fresh(path)
    if fresh.exists():
        # The process was killed between the two renames of a replacement; what is here is complete.
        fresh.rename(path)
    else:
        _touch(path)


def _make(path: Path, migrations: Sequence[str], rescued: aside.Rescued) -> None:
    path.unlink(missing_ok=True)
    _touch(path)
    try:
        with closing(connect(path)) as connection:
            _migrate(connection, migrations)
            aside.restore(connection, rescued)
    except BaseException:
        path.unlink()
        raise


def _touch(path: Path) -> None:
    # Orders and reasons are not for every user of the machine; the files SQLite puts beside it follow its mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _trouble_with(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> str:
    try:
        version = _number(connection, "PRAGMA user_version")
        owner = _number(connection, "PRAGMA application_id")
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if owner != APPLICATION_ID and (owner or version or tables):
            return "is not a database of rrdnsd"
        if version > len(migrations):
            return f"was written by a newer rrdnsd (tables {version}, this one knows {len(migrations)})"
        found = _damage(connection, path, tables) if version else ""
    except sqlite3.DatabaseError as error:
        if not faults.is_damage(error):
            raise
        found = str(error)
    return f"is damaged ({found})" if found else ""


def _damage(connection: sqlite3.Connection, path: Path, tables: Collection[str]) -> str:
    missing = [table for table in _PRECIOUS if table not in tables]
    if missing:
        return f"the table {missing[0]} is missing"
    # Reading all of a large file would hold up the start; what is broken in its history is found when it is used.
    if path.stat().st_size < _SMALL:
        checks = ["PRAGMA quick_check(1)"]
    else:
        checks = [f"PRAGMA quick_check({table})" for table in _PRECIOUS]
    answers = [str(connection.execute(check).fetchone()[0]) for check in checks]
    return next((" ".join(answer.split()) for answer in answers if answer != "ok"), "")


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    version = _number(connection, "PRAGMA user_version")
    for number, script in enumerate(migrations[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def _number(connection: sqlite3.Connection, question: str) -> int:
    return int(connection.execute(question).fetchone()[0])
