"""What a node has promised about the list of nodes outlives restarts, broken files and removed ones."""

import sqlite3
from contextlib import closing

import pytest

from rrdnsd.core.membership import Accepted, Change, Record, Round
from rrdnsd.errors import StoreError
from rrdnsd.store.membership import Membership
from rrdnsd.store.opening import open_file
from rrdnsd.store.schema import MIGRATIONS
from support.stores import Told, file_in, opened_database

A, B, C = (f"10.0.0.{number}:3333" for number in range(1, 4))
BARE = Record("0123", 0, (A, B), file="0123")
FULL = Record("0123", 7, (A, B, C), Round(9, B), Accepted(Round(8, A), Change("remove", C)), "4567")


@pytest.mark.parametrize("record", [BARE, FULL])
async def test_what_is_saved_is_loaded_after_a_restart(tmp_path, record):
    async with opened_database(tmp_path) as database:
        assert await Membership(database).load() is None
        await Membership(database).save(record)
    async with opened_database(tmp_path) as database:
        assert await Membership(database).load() == record


async def test_only_the_last_record_is_kept(tmp_path):
    async with opened_database(tmp_path) as database:
        kept = Membership(database)
        await kept.save(FULL)
        await kept.save(BARE)
        assert await kept.load() == BARE


async def test_a_file_that_is_removed_while_in_use_takes_no_promise_with_it(tmp_path):
    told = Told()
    async with opened_database(tmp_path, told) as database:
        await Membership(database).save(FULL)
        for path in tmp_path.iterdir():
            path.unlink()
        await database.write(lambda _connection: None)
    async with opened_database(tmp_path) as database:
        assert await Membership(database).load() == FULL


async def test_a_file_of_a_newer_rrdnsd_leaves_its_promise_behind_here(tmp_path):
    async with opened_database(tmp_path) as database:
        await Membership(database).save(FULL)
    with closing(sqlite3.connect(file_in(tmp_path))) as newer:
        newer.execute("PRAGMA user_version = 99")
    async with opened_database(tmp_path, Told()) as database:
        assert await Membership(database).load() == FULL


async def test_an_older_file_knows_of_no_promise(tmp_path):
    open_file(file_in(tmp_path), MIGRATIONS[:1]).connection.close()
    async with opened_database(tmp_path) as database:
        assert await Membership(database).load() is None


@pytest.mark.parametrize("column", ["nodes", "promised", "accepted"])
async def test_a_damaged_promise_is_an_error_and_not_none(tmp_path, column):
    async with opened_database(tmp_path) as database:
        kept = Membership(database)
        await kept.save(FULL)
        damage = f"UPDATE membership SET {column} = '[1'"  # noqa: S608 -- one of three names above
        await database.write(lambda c: c.execute(damage))
        with pytest.raises(StoreError, match="damaged on disk"):
            await kept.load()
