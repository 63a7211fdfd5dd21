"""Opens stores for tests and closes them; keeps what they tell."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rrdnsd.store.database import FILE_NAME, open_database
from rrdnsd.store.retention import USUAL
from rrdnsd.store.room import open_store


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = 1_800_000_000.0

    def __call__(self):
        return self.now


@dataclass
class Told:
    """What the store has told."""

    sentences: list[str] = field(default_factory=list)

    def __call__(self, sentence):
        self.sentences.append(sentence)


@asynccontextmanager
async def opened_store(folder, told=print, retention=USUAL, clock=None):
    store = await open_store(folder, told, retention, clock or Clock())
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def opened_database(folder, told=print):
    database = await open_database(folder, told)
    try:
        yield database
    finally:
        await database.close()


async def eventually(look):
    """Ask until the answer is true, for a minute at most, and return it."""
    for _ in range(6000):
        found = await look()
        if found:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within a minute")


def file_in(folder):
    return folder / FILE_NAME


def rows(database, question, *values):
    """What a question finds."""
    return database.read(lambda connection: connection.execute(question, values).fetchall())
