"""The store as a whole: opens it, writes what piled up every second and every minute, forgets what is old."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from rrdnsd.store import history, runs
from rrdnsd.store.audit import Audit
from rrdnsd.store.database import Database, Tell, open_database
from rrdnsd.store.events import Events, open_events
from rrdnsd.store.file import Work
from rrdnsd.store.history import MINUTE, History
from rrdnsd.store.ledger import Ledger
from rrdnsd.store.recorder import Recorder
from rrdnsd.store.remembered import Remembered
from rrdnsd.store.retention import USUAL, Retention, prune_history, prune_lists
from rrdnsd.store.runs import Runs

_FLUSH_SECONDS = 1.0
_CLOSE_SECONDS = 10.0
_PRUNE_MINUTES = 10
# So many at a time keep the interpreter from the event loop for a few milliseconds at most.
_PART = 100


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that is kept; make it with `open_store`."""

    database: Database
    events: Events
    ledger: Ledger
    audit: Audit
    recorder: Recorder
    history: History
    runs: Runs
    remembered: Remembered
    retention: Retention
    clock: Callable[[], float]

    async def run(self) -> None:
        """Write and forget, until cancelled. Call `close` afterwards."""
        began = self.clock()
        minutes = 0
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.events.flush()
            now = self.clock()
            if int(now // MINUTE) == int(began // MINUTE):
                continue
            await self._flush_history(began)
            await self._forget(prune_history)
            if minutes % _PRUNE_MINUTES == 0:
                await self._forget(prune_lists)
            began = now
            minutes += 1

    async def close(self) -> None:
        """Write what is left, as far as the disk takes it, and close the file."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                self.recorder.cut()
                await self.events.flush()
                await self._flush_history(self.clock())
        await self.database.close()

    async def _flush_history(self, at: float) -> None:
        ended = iter(self.recorder.harvest_runs())
        while part := tuple(islice(ended, _PART)):
            await self._offer(partial(runs.insert, part), len(part))
        for harvests in self.recorder.harvest(_PART):
            await self._offer(partial(history.insert, harvests, at), len(harvests))

    async def _offer(self, work: Work[None], records: int) -> None:
        if not await self.database.offer(work, records):
            self.database.count_lost(records)

    async def _forget(self, prune: Callable[[Retention, float, sqlite3.Connection], None]) -> None:
        await self.database.offer(partial(prune, self.retention, self.clock()), 0)


async def open_store(
    state_dir: Path | None,
    tell: Tell,
    retention: Retention = USUAL,
    clock: Callable[[], float] = time.time,
) -> Store:
    """Open the store in this directory, or one in memory without it. Never fails: what is wrong is told.

    `tell` is called on the event loop with whole sentences for the operator. `clock` tells epoch seconds.
    """
    database = await open_database(state_dir, tell)
    recorder = Recorder(database.count_lost, clock)
    return Store(
        database=database,
        events=await open_events(database, clock),
        ledger=Ledger(database),
        audit=Audit(database),
        recorder=recorder,
        history=History(database),
        runs=Runs(database, recorder.runs),
        remembered=Remembered(database),
        retention=retention,
        clock=clock,
    )
