"""The database file while the daemon runs: reopened when it moved, renewed when it broke, left alone when it fails.

Nothing here knows of coroutines: `transact` is for one thread, `look` for another.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rrdnsd.errors import StoreError
from rrdnsd.store import faults
from rrdnsd.store.connection import connect, snapshot, transaction
from rrdnsd.store.lastresort import open_to_read
from rrdnsd.store.opening import open_file, open_memory

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class StoreFile:
    """One database file, or one in memory if `path` is None. `say` is told what an operator should know."""

    def __init__(self, path: Path | None, say: Callable[[str], None]) -> None:
        self.restorers: list[Work[None]] = []
        """Called in a transaction each time another file was opened while running."""
        self.trouble = ""
        """What is wrong with the file now."""
        self.lost = 0
        """How many records were not kept since the start."""
        self._lost_before = 0
        self._path = path
        self._name = path or "the database in memory"
        self._say = say
        self._rest = faults.Rest()
        self._writer: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._reader: sqlite3.Connection | None = None
        # Held for each read, so that no read is under way while the file is replaced.
        self._reading = threading.Lock()
        self._damaged = False

    @property
    def resting(self) -> bool:
        """True while writes that nobody waits for should not be tried."""
        return self._rest.failures > 0 and time.monotonic() < self._rest.until

    def transact(self, work: Work[T], *, durable: bool) -> T:
        """Do the work in one transaction, on a fresh file if this one proves to be damaged.

        Raises:
            StoreError: nothing was written.

        """
        try:
            result = self._transact(work, durable=durable)
        except (sqlite3.Error, OSError) as error:
            if not faults.is_fault(error):
                raise
            self._failed(error)
            raise StoreError(f"nothing was saved: {self.trouble}") from error
        self._worked()
        return result

    def look(self, work: Work[T]) -> T:
        """Read, with all statements seeing one state.

        Raises:
            StoreError: the file cannot be read.

        """
        if self._path is None:
            return work(self._usable())
        with self._reading:
            try:
                return self._look(work, self._path)
            except (sqlite3.Error, OSError) as error:
                if self._identity is None:
                    raise StoreError(f"nothing can be read: {self.trouble}") from error
                if not faults.is_fault(error):
                    raise
                self._damaged = self._damaged or faults.is_damage(error)
                self._close_reader()
                raise StoreError(f"{self._path} cannot be read: {faults.sentence(error)}") from error

    def close(self) -> None:
        """Close the file."""
        with self._reading:
            self._close_reader()
        self._close_writer()

    def _transact(self, work: Work[T], *, durable: bool) -> T:
        try:
            connection = self._usable()
            with transaction(connection, durable=durable):
                return work(connection)
        except sqlite3.DatabaseError as error:
            if not faults.is_damage(error) or self._path is None:
                raise
            self._damaged = True
            connection = self._usable()
            with transaction(connection, durable=durable):
                return work(connection)

    def _look(self, work: Work[T], path: Path) -> T:
        if self._reader is None:
            self._reader = connect(path) if self._identity else open_to_read(path)
        with snapshot(self._reader):
            return work(self._reader)

    def _usable(self) -> sqlite3.Connection:
        if self._writer and not self._damaged and not self._moved():
            return self._writer
        with self._reading:
            # SQLite deletes a -wal by its name when it closes the file: all must be closed before it is renamed.
            self._close_reader()
            self._close_writer()
            return self._reopen()

    def _reopen(self) -> sqlite3.Connection:
        moved = self._identity is not None and self._moved()
        opened = open_file(self._path, condemned=self._damaged) if self._path else open_memory()
        self._damaged = False
        self._identity = _identity(self._path) if self._path else None
        if moved:
            self._say(
                f"{self._path} was removed or replaced; rrdnsd goes on with what it found there, or afresh"
            )
        if opened.told:
            self._say(opened.told)
        try:
            for restore in self.restorers:
                with transaction(opened.connection, durable=True):
                    restore(opened.connection)
        except BaseException:
            opened.connection.close()
            raise
        self._writer = opened.connection
        return opened.connection

    def _moved(self) -> bool:
        if self._path is None:
            return False
        try:
            return _identity(self._path) != self._identity
        except OSError:
            return True

    def _failed(self, error: Exception) -> None:
        self._rest = self._rest.longer(time.monotonic())
        if not faults.keeps_connection(error):
            self._close_writer()
        before, self.trouble = self.trouble, f"{self._name} cannot be written: {faults.sentence(error)}"
        if not before:
            self._lost_before = self.lost
        if before != self.trouble:
            self._say(
                f"{self.trouble}; rrdnsd goes on, but keeps no history and can save no orders until that is mended"
            )

    def _worked(self) -> None:
        if not self.trouble:
            return
        self._rest = faults.Rest()
        self.trouble = ""
        self._say(
            f"{self._name} can be written again; {self.lost - self._lost_before} records were lost meanwhile"
        )

    def _close_writer(self) -> None:
        if self._writer:
            with contextlib.suppress(sqlite3.Error):
                self._writer.close()
            self._writer = None

    def _close_reader(self) -> None:
        if self._reader:
            with contextlib.suppress(sqlite3.Error):
                self._reader.close()
            self._reader = None


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
