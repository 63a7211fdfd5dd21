"""What the last run knew of each endpoint, for people to look at after a restart. Nothing is decided from it."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import isfinite

from rrdnsd.core.model import EndpointKey, State
from rrdnsd.errors import StoreError
from rrdnsd.store.database import Database
from rrdnsd.store.jsontext import clean

_SAVE = """
INSERT OR REPLACE INTO remembered (service, address, verdict, reason, since, vote, vote_reason)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_ALIVE = "INSERT OR REPLACE INTO alive (one, at) VALUES (1, ?)"

# So many at a time keep the interpreter from the event loop for a few milliseconds at most.
_PART = 100


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of an endpoint: the quorum's verdict `since` (epoch seconds) with its reason, this node's vote."""

    key: EndpointKey
    verdict: State
    reason: str
    since: float
    vote: State
    vote_reason: str


@dataclass(frozen=True, slots=True)
class Recollection:
    """All that was known, and until when (epoch seconds) the process that knew it was running."""

    known: Sequence[Known] = ()
    until: float = 0.0


class Remembered:
    """The table of it: a row for each endpoint that is watched."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[EndpointKey, Known] = {}
        self._until = 0.0
        database.restore_with(self._restore)

    async def load(self) -> Recollection:
        """Return what the last run knew; nothing if that is damaged or cannot be read, which harms nobody."""
        try:
            found = await self._database.read(_load)
        except (StoreError, sqlite3.Error):  # the latter: somebody has removed the table
            return Recollection()
        self._known, self._until = {known.key: known for known in found.known}, found.until
        return found

    async def save(self, known: Iterable[Known], at: float) -> bool:
        """Keep what is known `at` this moment (epoch seconds); returns False if the disk does not take it for now."""
        rest = iter(known)
        while part := tuple(islice(rest, _PART)):
            if not await self._database.offer(partial(_insert, part), 0):
                return False
            self._known.update((one.key, one) for one in part)
        if not await self._database.offer(partial(_note, at), 0):
            return False
        self._until = at
        return True

    async def keep_only(self, keys: Collection[EndpointKey]) -> None:
        """Forget the endpoints that are no longer watched."""
        gone = [key for key in self._known if key not in keys]
        if gone and await self._database.offer(partial(_delete, gone), 0):
            for key in gone:
                self._known.pop(key, None)

    def _restore(self, connection: sqlite3.Connection) -> None:
        # The file is another than before.
        _insert(tuple(self._known.values()), connection)
        if self._until:
            _note(self._until, connection)


def _insert(known: Iterable[Known], connection: sqlite3.Connection) -> None:
    connection.executemany(
        _SAVE,
        (
            (*one.key, str(one.verdict), clean(one.reason), one.since, str(one.vote), clean(one.vote_reason))
            for one in known
        ),
    )


def _note(at: float, connection: sqlite3.Connection) -> None:
    connection.execute(_ALIVE, (at,))


def _delete(keys: Iterable[EndpointKey], connection: sqlite3.Connection) -> None:
    connection.executemany("DELETE FROM remembered WHERE service = ? AND address = ?", keys)


def _load(connection: sqlite3.Connection) -> Recollection:
    alive = connection.execute("SELECT at FROM alive").fetchone()
    rows = connection.execute(
        "SELECT service, address, verdict, reason, since, vote, vote_reason FROM remembered"
    )
    known = tuple(found for row in rows if (found := _known(*row)))
    return Recollection(known, _moment(alive[0]) if alive else 0.0)


def _known(
    service: str, address: str, verdict: str, reason: str, since: object, vote: str, vote_reason: str
) -> Known | None:
    try:
        key = EndpointKey(service, address)
        return Known(key, State(verdict), str(reason), _moment(since), State(vote), str(vote_reason))
    except ValueError:
        return None  # damaged on disk


def _moment(value: object) -> float:
    found = float(value) if isinstance(value, int | float) else 0.0
    return found if isfinite(found) else 0.0
