"""What this node's configuration file listed when it was read last: one row, so that a later start knows what is gone."""

import sqlite3
from collections.abc import Mapping
from functools import partial

from rrdnsd.store.database import Database
from rrdnsd.store.jsontext import Json, dump_or_null, load

_SAVE = "INSERT OR REPLACE INTO listed (one, services) VALUES (1, ?)"


class Listed:
    """The services of the file that was in use last, by name, as JSON values."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Mapping[str, Json] | None = None
        database.restore_with(self._restore)

    async def save(self, services: Mapping[str, Json]) -> None:
        """Keep them: they are on disk when this returns.

        Raises:
            StoreError: they are not saved, or that is not known because the disk does not answer.

        """
        await self._database.write(partial(_save, services))
        self._known = services

    async def load(self) -> Mapping[str, Json] | None:
        """Return what was saved last, None if nothing ever was, or if it is damaged.

        Raises:
            StoreError: it cannot be read.

        """
        self._known = await self._database.read(_load)
        return self._known

    def _restore(self, connection: sqlite3.Connection) -> None:
        if self._known is not None:
            _save(self._known, connection)


def _save(services: Mapping[str, Json], connection: sqlite3.Connection) -> None:
    connection.execute(_SAVE, (dump_or_null(dict(services)),))


def _load(connection: sqlite3.Connection) -> Mapping[str, Json] | None:
    row = connection.execute("SELECT services FROM listed").fetchone()
    try:
        found = load(row[0]) if row else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
