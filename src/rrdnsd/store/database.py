"""The asyncio side of the database: each write and each read is handed to a thread and awaited."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from rrdnsd.errors import StoreError
from rrdnsd.store.file import StoreFile, Work
from rrdnsd.store.lane import Lane

log = logging.getLogger(__name__)

T = TypeVar("T")
Tell = Callable[[str], None]

FILE_NAME = "rrdnsd.sqlite3"
TIMEOUT = 30.0
"""Seconds until a disk that does not answer is given up on."""

_PATIENCE = 10.0
_CLOSE_TIMEOUT = 5.0
_MOST_WAITING = 1000


class Database:
    """One SQLite database; make it with `open_database`."""

    def __init__(self, file: StoreFile, writing: Lane, reading: Lane) -> None:
        self._file = file
        self._writing = writing
        self._reading = reading

    @property
    def trouble(self) -> str:
        """What is wrong with the file now; "" while writes succeed."""
        if self._writing.stuck > _PATIENCE:
            return f"the disk has not answered for {self._writing.stuck:.0f} s"
        return self._file.trouble

    @property
    def resting(self) -> bool:
        """True while writes that nobody waits for should be kept back or dropped, because the last ones failed."""
        return self._file.resting or self._writing.stuck > _PATIENCE

    @property
    def lost(self) -> int:
        """How many records nobody waited for were dropped since the start."""
        return self._file.lost

    @property
    def waiting(self) -> int:
        """How many requests wait for the disk."""
        lanes = {id(lane): lane for lane in (self._writing, self._reading)}
        return sum(lane.waiting for lane in lanes.values())

    def count_lost(self, records: int) -> None:
        """Note that so many records were dropped."""
        self._file.lost += records

    def restore_with(self, restore: Work[None]) -> None:
        """Let this be called, in a transaction, each time the file had to be opened anew."""
        self._file.restorers.append(restore)

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """Do the work in one transaction; it is on disk when this returns, or with `durable` False soon after.

        Raises:
            StoreError: nothing was saved, or (said so) it is not known because the disk does not answer.

        """
        return await self._writing.run(partial(self._file.transact, work, durable=durable), TIMEOUT)

    async def offer(self, work: Work[None], records: int) -> bool:
        """Write so many records that nobody waits for; returns False if that is not possible for now.

        Work that fails for another cause than the disk would always fail: it is logged and counted as lost.
        """
        if self.resting:
            return False
        try:
            await self.write(work, durable=False)
        except StoreError:
            return False
        except Exception:
            log.exception("[store] %d records make no sense to the database and are dropped", records)
            self.count_lost(records)
        return True

    async def read(self, work: Work[T]) -> T:
        """Read.

        Raises:
            StoreError: the file cannot be read.

        """
        return await self._reading.run(partial(self._file.look, work), TIMEOUT)

    async def close(self) -> None:
        """Close the file after what is waiting, and end the threads."""
        with suppress(StoreError):
            await self._writing.run(self._file.close, _CLOSE_TIMEOUT)
        self._writing.stop()
        self._reading.stop()


async def open_database(state_dir: Path | None, tell: Tell) -> Database:
    """Open the database in this directory, or one in memory if there is none. Never fails: what is wrong is told.

    `tell` is called on the event loop with whole sentences. A file that cannot be opened now is tried again
    with each write.
    """
    loop = asyncio.get_running_loop()

    def say(sentence: str) -> None:
        # The loop may have ended while the thread was waiting for the disk.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, sentence)

    file = StoreFile(state_dir / FILE_NAME if state_dir else None, say)
    writing = Lane("rrdnsd-store-writer", _MOST_WAITING)
    reading = Lane("rrdnsd-store-reader", _MOST_WAITING) if state_dir else writing
    database = Database(file, writing, reading)
    with suppress(StoreError):
        await writing.run(partial(_begin, file, state_dir), TIMEOUT)
    return database


def _begin(file: StoreFile, state_dir: Path | None) -> None:
    if state_dir:
        # Why it cannot be made is what opening the file in it will say.
        with suppress(OSError):
            state_dir.mkdir(parents=True, exist_ok=True)
    file.transact(_nothing, durable=False)


def _nothing(_connection: sqlite3.Connection) -> None:
    pass
