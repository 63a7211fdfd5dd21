"""What a node must remember of agreements on the list of nodes: one row, on disk before the node says any of it."""

import json
import sqlite3
from functools import partial

from rrdnsd.core.membership import Accepted, Change, Record, Round
from rrdnsd.errors import StoreError
from rrdnsd.store.database import Database

_SAVE = """
INSERT OR REPLACE INTO membership (one, base, version, nodes, promised, accepted, file)
VALUES (1, ?, ?, ?, ?, ?, ?)
"""

Row = tuple[str, int, str, str, str | None, str]


class Membership:
    """The record of the list of nodes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Record | None = None
        database.restore_with(self._restore)

    async def save(self, record: Record) -> None:
        """Keep the record: it is on disk when this returns. One call at a time.

        Raises:
            StoreError: it is not saved, or that is not known because the disk does not answer.

        """
        await self._database.write(partial(_save, record))
        self._known = record

    async def load(self) -> Record | None:
        """Return what was saved last, None if nothing ever was.

        Raises:
            StoreError: it cannot be read, so nobody knows what this node has promised.

        """
        self._known = await self._database.read(read)
        return self._known

    def _restore(self, connection: sqlite3.Connection) -> None:
        # The file is another than before: a promise must not be forgotten with the old one.
        if self._known:
            _save(self._known, connection)


def _save(record: Record, connection: sqlite3.Connection) -> None:
    accepted = json.dumps(record.accepted) if record.accepted else None
    values = (
        record.base,
        record.version,
        json.dumps(record.nodes),
        json.dumps(record.promised),
        accepted,
        record.file,
    )
    connection.execute(_SAVE, values)


def read(connection: sqlite3.Connection) -> Record | None:
    """Return what was saved last, None if nothing ever was.

    Raises:
        StoreError: it is damaged.

    """
    question = "SELECT base, version, nodes, promised, accepted, file FROM membership"
    row: Row | None = connection.execute(question).fetchone()
    if row is None:
        return None
    try:
        return _record(*row)
    except (ValueError, TypeError):
        raise StoreError("what this node has agreed to about the list of nodes is damaged on disk") from None


def _record(base: str, version: int, nodes: str, promised: str, accepted: str | None, file: str) -> Record:
    agreed = None
    if accepted is not None:
        number, change = json.loads(accepted)
        agreed = Accepted(Round(*number), Change(*change))
    return Record(base, version, tuple(json.loads(nodes)), Round(*json.loads(promised)), agreed, file)
