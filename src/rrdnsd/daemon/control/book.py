"""The ledger of orders as this node keeps it: in memory for decisions, on disk for the next start.

Own orders are saved before they count. Those that peers tell of count at once and are saved in the background:
whoever took them has saved them already.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from rrdnsd.core.ledger import Entry, Ledger, Stamp, value_text
from rrdnsd.core.orders import Setting, faults
from rrdnsd.errors import LedgerError, StoreError
from rrdnsd.store.audit import AuditRow
from rrdnsd.store.jsontext import Json
from rrdnsd.store.ledger import Ledger as Shelf
from rrdnsd.store.ledger import LedgerEntry

log = logging.getLogger(__name__)

BATCH = 200
"""How many entries of peers are saved in one transaction."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class Book:
    """Keeps the ledger. `wall` tells epoch seconds; `taken` is called with entries that came from the disk late."""

    def __init__(self, ledger: Ledger, shelf: Shelf, node: str, wall: Callable[[], float]) -> None:
        self.ledger = ledger
        self.taken: Callable[[Sequence[Entry]], None] = lambda _news: None
        self.trouble = ""
        """Why the orders on disk are not known; "" if they are."""
        self._shelf = shelf
        self._node = node
        self._wall = wall
        self._unsaved: dict[str, Entry] = {}
        self._faults: tuple[str, tuple[str, ...]] = ("", ())
        self._wake = asyncio.Event()

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with entries that are left out, a sentence each."""
        digest = self.ledger.digest
        if self._faults[0] != digest:
            self._faults = digest, faults(self.ledger)
        return self._faults[1]

    async def load(self) -> list[Entry]:
        """Take in what is on disk, and return what of it was news."""
        try:
            kept = await self._shelf.load()
        except StoreError as error:
            self.trouble = f"the orders of before are not known: {error}"
            self._wake.set()
            return []
        self.trouble = ""
        return self.ledger.merge(entry for row in kept if (entry := entry_of(row)))

    def news(self, settings: Iterable[Setting]) -> list[Setting]:
        """Return the settings that do not stand already."""
        return [setting for setting in settings if _value(self.ledger, setting.key) != setting.value]

    def stamped(self, settings: Iterable[Setting], who: str, why: str) -> list[Entry]:
        """Make entries of settings.

        Raises:
            LedgerError: no node would take them, or the ledger is full.

        """
        entries = [
            Entry(s.key, self.ledger.stamp(self._node, int(self._wall() * 1000)), s.value, who, why)
            for s in settings
        ]
        self.ledger.check_room(entry.key for entry in entries)
        return entries

    async def write(self, entries: Sequence[Entry], audit: AuditRow) -> bool:
        """Save own entries with their audit row, and then let them count; False if the request was carried out before.

        Raises:
            StoreError: nothing was saved, or it is not known.

        """
        try:
            saved = await self._shelf.save([*map(_row, entries)], [audit])
        except StoreError:
            # A disk that did not answer in time may have saved it all the same: then it must count, too.
            self.trouble = "an order may have been saved without being carried out: the disk did not answer"
            self._wake.set()
            raise
        if saved:
            self.ledger.merge(entries)
        return saved

    def take(self, entries: Sequence[Entry]) -> list[Entry]:
        """Take in what a peer knows; return what was news."""
        news = self.ledger.merge(entries)
        self._unsaved.update((entry.key, entry) for entry in news)
        if news:
            self._wake.set()
        return news

    async def run(self) -> None:
        """Save what peers told, and read again what could not be read, until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self._catch_up():
                pause = _FIRST_PAUSE
            else:
                self._wake.set()
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 -- jitter
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def close(self) -> None:
        """Save what is left, if the disk takes it."""
        await self._save()

    async def _catch_up(self) -> bool:
        if self.trouble:
            news = await self.load()
            if news:
                self.taken(news)
        return await self._save() and not self.trouble

    async def _save(self) -> bool:
        while self._unsaved:
            batch = dict(islice(self._unsaved.items(), BATCH))
            try:
                await self._shelf.save([*map(_row, batch.values())])
            except StoreError:
                return False
            for key, entry in batch.items():
                if self._unsaved.get(key) is entry:
                    del self._unsaved[key]
        return True


def plain(value: str | None) -> Json:
    """Return the value of an entry as an object."""
    found: Json = None if value is None else json.loads(value)
    return found


def _value(ledger: Ledger, key: str) -> str | None:
    entry = ledger.get(key)
    return entry.value if entry else None


def _row(entry: Entry) -> LedgerEntry:
    stamp = entry.stamp
    return LedgerEntry(
        entry.key, stamp.text(), plain(entry.value), entry.who, entry.why, stamp.node, stamp.wall_ms / 1000
    )


def entry_of(row: LedgerEntry) -> Entry | None:
    """Read an entry as it is kept on disk; None, and a line in the log, for one that cannot be used."""
    try:
        value = (
            None if row.value is None else value_text(dict(row.value)) if isinstance(row.value, dict) else ""
        )
        return Entry(row.key, Stamp.parse(row.stamp), value, row.who, row.why)
    except (ValueError, LedgerError) as error:
        log.warning("[store] the order %r on disk cannot be used and is left out: %s", row.key, error)
        return None
