"""The orders of operators as all nodes share them: the last stamp wins for each key, and nothing is half done."""

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from rrdnsd.store import audit
from rrdnsd.store.audit import AuditRow
from rrdnsd.store.database import Database
from rrdnsd.store.jsontext import Json, clean, dump_or_null, load

log = logging.getLogger(__name__)

_SAVE = """
INSERT INTO ledger (key, stamp, value, who, why, node, at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET stamp = excluded.stamp, value = excluded.value, who = excluded.who,
    why = excluded.why, node = excluded.node, at = excluded.at
WHERE excluded.stamp > ledger.stamp
"""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One order. A later `stamp` (text that sorts by time) replaces an earlier one; the value None is a tombstone.

    `node` took the order, at `at` in epoch seconds by its clock.
    """

    key: str
    stamp: str
    value: Json
    who: str = ""
    why: str = ""
    node: str = ""
    at: float = 0.0


class Ledger:
    """The orders that stand, and the tombstones of those that were lifted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, LedgerEntry] = {}
        database.restore_with(self._restore)

    async def save(self, entries: Sequence[LedgerEntry], audit_rows: Sequence[AuditRow] = ()) -> bool:
        """Keep orders and the audit of them: all of it when this returns, nothing of it when it raises.

        An entry that is not newer than the stored one changes nothing. Returns False, with nothing changed, if
        the request of an audit row was carried out before.

        Raises:
            StoreError: nothing was saved, or (said so) it is not known because the disk does not answer.

        """
        try:
            await self._database.write(partial(_save, entries, audit_rows))
        except _DoneBeforeError:
            return False
        self._learn(entries)
        return True

    async def load(self) -> tuple[LedgerEntry, ...]:
        """Return all entries, tombstones included.

        Raises:
            StoreError: the file cannot be read; try again later.

        """
        entries = await self._database.read(read)
        self._learn(entries)
        return entries

    def _learn(self, entries: Iterable[LedgerEntry]) -> None:
        for entry in entries:
            known = self._known.get(entry.key)
            if known is None or entry.stamp > known.stamp:
                self._known[entry.key] = entry

    def _restore(self, connection: sqlite3.Connection) -> None:
        # The file is another than before: orders that stand must not be forgotten with the old one.
        _save(tuple(self._known.values()), (), connection)


class _DoneBeforeError(Exception):
    """The request was carried out before; raised to undo the transaction."""


def _save(
    entries: Sequence[LedgerEntry], audit_rows: Sequence[AuditRow], connection: sqlite3.Connection
) -> None:
    connection.executemany(_SAVE, map(_values, entries))
    if not audit.insert(audit_rows, connection):
        raise _DoneBeforeError


def _values(entry: LedgerEntry) -> tuple[float | str | None, ...]:
    texts = map(clean, (entry.who, entry.why, entry.node))
    return entry.key, entry.stamp, dump_or_null(entry.value), *texts, entry.at


def read(connection: sqlite3.Connection) -> tuple[LedgerEntry, ...]:
    """Return all entries, tombstones included."""
    rows = connection.execute("SELECT key, stamp, value, who, why, node, at FROM ledger ORDER BY key")
    return tuple(entry for row in rows if (entry := _entry(*row)))


def _entry(
    key: str, stamp: str, value: str | None, who: str, why: str, node: str, at: float
) -> LedgerEntry | None:
    try:
        return LedgerEntry(key, stamp, None if value is None else load(value), who, why, node, at)
    except ValueError:
        # Taken for a tombstone, it would lift the order; left out, a peer that has it can give it back.
        log.warning("[store] the order %r is damaged on disk and left out", key)
        return None
