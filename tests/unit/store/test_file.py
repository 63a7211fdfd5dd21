"""Faults while the daemon runs, and recovery from them without help."""

import asyncio
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from rrdnsd.errors import StoreError
from rrdnsd.store import connection as connections
from rrdnsd.store import database as module
from rrdnsd.store.ledger import Ledger, LedgerEntry
from support.stores import Told, eventually, file_in, opened_database, rows

DRAIN = LedgerEntry("drain", "0001", {"until": None})


async def test_a_directory_that_cannot_be_is_said_and_not_fatal(tmp_path):
    told = Told()
    (tmp_path / "file").touch()
    async with opened_database(tmp_path / "file" / "state", told) as database:
        with pytest.raises(StoreError, match="nothing was saved"):
            await Ledger(database).save([DRAIN])
        with pytest.raises(StoreError, match="Not a directory"):
            await Ledger(database).load()
        assert "Not a directory" in database.trouble
        await asyncio.sleep(0)
    assert len(told.sentences) == 1
    assert "rrdnsd goes on" in told.sentences[0]


async def test_a_vanished_directory_is_waited_for(tmp_path):
    told = Told()
    state = tmp_path / "state"
    async with opened_database(state, told) as database:
        ledger = Ledger(database)
        await ledger.save([DRAIN])
        shutil.rmtree(state)
        with pytest.raises(StoreError, match="No such file or directory"):
            await ledger.save([LedgerEntry("a", "1", 1)])
        assert database.resting
        assert not await database.offer(lambda _: None, 1)
        assert not state.exists()
        state.mkdir()
        await ledger.save([LedgerEntry("b", "1", 1)])
        assert {entry.key for entry in await ledger.load()} == {"drain", "b"}
        assert database.trouble == ""
        assert not database.resting
    assert [("cannot be written" in s, "written again" in s) for s in told.sentences] == [
        (True, False),
        (False, False),
        (False, True),
    ]


async def test_a_backup_put_in_place_is_taken_up(tmp_path):
    told = Told()
    async with opened_database(tmp_path / "other") as other:
        await Ledger(other).save([LedgerEntry("old", "0001", 1)])
    async with opened_database(tmp_path / "state", told) as database:
        ledger = Ledger(database)
        await ledger.save([DRAIN])
        for path in (tmp_path / "state").iterdir():
            path.unlink()
        file_in(tmp_path / "other").rename(file_in(tmp_path / "state"))
        await database.write(lambda _: None)
        assert {entry.key for entry in await ledger.load()} == {"old", "drain"}
    with closing(sqlite3.connect(file_in(tmp_path / "state"))) as same:
        assert same.execute("SELECT count(*) FROM ledger").fetchone() == (2,)


async def test_a_lock_held_by_another_process_is_an_error_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    told = Told()
    async with opened_database(tmp_path, told) as database:
        with closing(sqlite3.connect(file_in(tmp_path), isolation_level=None)) as hog:
            hog.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another process keeps it locked"):
                await Ledger(database).save([DRAIN])
            assert await Ledger(database).load() == ()
        await Ledger(database).save([DRAIN])
    assert len(told.sentences) == 2


async def test_a_bug_is_no_fault_of_the_disk(tmp_path):
    async with opened_database(tmp_path) as database:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await database.write(lambda c: c.execute("INSERT INTO nowhere VALUES (1)"))
        assert database.trouble == ""
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await rows(database, "SELECT * FROM nowhere")


async def test_a_disk_that_does_not_answer_is_said_and_not_waited_for(tmp_path, monkeypatch):
    async with opened_database(tmp_path) as database:
        hung = threading.Event()
        hanging = asyncio.create_task(database.write(lambda _: hung.wait()))
        monkeypatch.setattr(module, "_PATIENCE", 0.0)
        await eventually(lambda: asyncio.sleep(0, database.trouble))
        assert "has not answered" in database.trouble
        assert not await database.offer(lambda _: None, 1)
        hung.set()
        await hanging
        await eventually(lambda: asyncio.sleep(0, not database.trouble))
        assert await database.offer(lambda _: None, 1)


async def test_reads_see_one_state(tmp_path):
    async with opened_database(tmp_path) as database:
        ledger = Ledger(database)
        started, go_on = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def look(connection):
            before = connection.execute("SELECT count(*) FROM ledger").fetchone()
            loop.call_soon_threadsafe(started.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
            return before, connection.execute("SELECT count(*) FROM ledger").fetchone()

        reading = asyncio.create_task(database.read(look))
        await started.wait()
        await ledger.save([DRAIN])
        go_on.set()
        assert await reading == ((0,), (0,))
        assert len(await ledger.load()) == 1
