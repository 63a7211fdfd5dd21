"""Files that are new, old, foreign, newer or broken."""

import os
import sqlite3
import stat
from contextlib import closing

import pytest

from rrdnsd.store import opening
from rrdnsd.store.ledger import Ledger, LedgerEntry
from rrdnsd.store.opening import open_file
from rrdnsd.store.schema import APPLICATION_ID, MIGRATIONS
from support.stores import Told, file_in, opened_database, rows

DRAIN = LedgerEntry("drain", "0001", {"until": None})


def broken_files(folder):
    return sorted(path for path in folder.iterdir() if ".broken-" in path.name)


async def filled(folder, events=3000):
    async with opened_database(folder) as database:
        await Ledger(database).save([DRAIN])
        await database.write(
            lambda c: c.executemany(
                "INSERT INTO event VALUES (?, 1.0, 'write', '', '', '', ?, '{}')",
                [(number, "x" * 100) for number in range(events)],
            )
        )


def scribble(path, start):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(os.urandom(path.stat().st_size - start))


async def test_a_new_file_is_private_and_journals_ahead(tmp_path):
    async with opened_database(tmp_path / "state") as database:
        path = file_in(tmp_path / "state")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await rows(database, "PRAGMA journal_mode") == [("wal",)]
        assert await rows(database, "PRAGMA application_id") == [(APPLICATION_ID,)]
        assert await rows(database, "PRAGMA user_version") == [(len(MIGRATIONS),)]
        await database.write(
            lambda c: c.execute("INSERT INTO ledger VALUES ('a', '1', NULL, '', '', '', 0.0)")
        )
        assert stat.S_IMODE(path.with_name(path.name + "-wal").stat().st_mode) == 0o600


async def test_a_file_that_is_no_database_is_set_aside(tmp_path):
    told = Told()
    file_in(tmp_path).write_bytes(b"not a database at all\n" * 500)
    async with opened_database(tmp_path, told) as database:
        assert await Ledger(database).save([DRAIN])
    (broken,) = broken_files(tmp_path)
    assert broken.read_bytes().startswith(b"not a database")
    assert broken.name in told.sentences[0]
    assert "is damaged" in told.sentences[0]


async def test_a_damaged_file_is_set_aside_and_the_orders_are_carried_over(tmp_path):
    await filled(tmp_path)
    scribble(file_in(tmp_path), 100_000)
    told = Told()
    async with opened_database(tmp_path, told) as database:
        assert await Ledger(database).load() == (DRAIN,)
        assert await rows(database, "SELECT count(*) FROM event") == [(0,)]
    assert len(broken_files(tmp_path)) == 1
    assert "1 orders of operators were carried over" in told.sentences[0]


async def test_a_file_that_breaks_while_in_use_is_set_aside(tmp_path):
    told = Told()
    await filled(tmp_path)
    async with opened_database(tmp_path, told) as database:
        ledger = Ledger(database)
        await ledger.load()
        scribble(file_in(tmp_path), 4096 * 3)
        newer = LedgerEntry("other", "0001", 1)

        def count(connection):
            connection.execute("PRAGMA shrink_memory")
            return connection.execute("SELECT count(*), max(length(text)) FROM event").fetchone()

        assert await database.write(count) == (0, None)
        await ledger.save([newer])
        assert await ledger.load() == (DRAIN, newer)
        assert database.trouble == ""
    assert "was found damaged while in use" in told.sentences[0]
    assert broken_files(tmp_path)


async def test_damage_found_by_a_reader_is_mended_by_the_next_write(tmp_path):
    told = Told()
    await filled(tmp_path)
    async with opened_database(tmp_path, told) as database:
        scribble(file_in(tmp_path), 4096 * 3)
        with pytest.raises(Exception, match="cannot be read"):
            await rows(database, "SELECT max(length(text)) FROM event")
        await database.write(lambda _: None)
        assert await rows(database, "SELECT max(length(text)) FROM event") == [(None,)]


async def test_a_foreign_database_is_left_whole_beside_ours(tmp_path):
    told = Told()
    with closing(sqlite3.connect(file_in(tmp_path))) as foreign:
        foreign.execute("CREATE TABLE precious (gold)")
        foreign.execute("INSERT INTO precious VALUES ('bar')")
        foreign.commit()
    async with opened_database(tmp_path, told):
        pass
    (broken,) = broken_files(tmp_path)
    with closing(sqlite3.connect(broken)) as foreign:
        assert foreign.execute("SELECT gold FROM precious").fetchall() == [("bar",)]
    assert "is not a database of rrdnsd" in told.sentences[0]


async def test_a_file_that_lacks_a_table_is_damaged(tmp_path):
    told = Told()
    await filled(tmp_path, 0)
    with closing(sqlite3.connect(file_in(tmp_path))) as robbed:
        robbed.execute("DROP TABLE audit")
    async with opened_database(tmp_path, told) as database:
        assert await Ledger(database).load() == (DRAIN,)
    assert "the table audit is missing" in told.sentences[0]


async def test_a_newer_file_is_set_aside_with_its_orders_carried_over(tmp_path):
    told = Told()
    await filled(tmp_path, 0)
    with closing(sqlite3.connect(file_in(tmp_path))) as newer:
        newer.execute("PRAGMA user_version = 99")
    async with opened_database(tmp_path, told) as database:
        assert await Ledger(database).load() == (DRAIN,)
    assert "newer rrdnsd (tables 99" in told.sentences[0]


def test_an_older_file_is_brought_up_to_date(tmp_path):
    path = file_in(tmp_path)
    with closing(open_file(path, MIGRATIONS[:1]).connection) as old:
        old.execute("INSERT INTO ledger VALUES ('a', '1', NULL, '', '', '', 0.0)")
    second = "ALTER TABLE ledger ADD COLUMN extra TEXT NOT NULL DEFAULT 'new'; CREATE TABLE more (x)"
    opened = open_file(path, (MIGRATIONS[0], second))
    with closing(opened.connection) as new:
        assert opened.told == ""
        assert new.execute("SELECT key, extra FROM ledger").fetchall() == [("a", "new")]
        assert new.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_migration_that_fails_changes_nothing(tmp_path):
    path = file_in(tmp_path)
    open_file(path, MIGRATIONS[:1]).connection.close()
    with pytest.raises(sqlite3.OperationalError):
        open_file(path, (MIGRATIONS[0], "CREATE TABLE more (x); CREATE TABLE ledger (y)"))
    with closing(sqlite3.connect(path)) as same:
        assert same.execute("PRAGMA user_version").fetchone() == (1,)
        assert same.execute("SELECT count(*) FROM sqlite_master WHERE name = 'more'").fetchone() == (0,)


async def test_a_kill_between_the_renames_loses_no_order(tmp_path, monkeypatch):
    await filled(tmp_path)
    scribble(file_in(tmp_path), 100_000)

    class KilledError(Exception):
        pass

    def killed(path):
        path.rename(path.with_name("aside"))
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(opening.aside, "rename", killed)
        with pytest.raises(KilledError):
            open_file(file_in(tmp_path))
    assert not file_in(tmp_path).exists()
    async with opened_database(tmp_path) as database:
        assert await Ledger(database).load() == (DRAIN,)


async def test_a_replacement_that_fails_leaves_all_as_it_was(tmp_path, monkeypatch):
    await filled(tmp_path)
    scribble(file_in(tmp_path), 100_000)
    before = file_in(tmp_path).read_bytes()

    def full(_connection, _orders):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(opening.aside, "restore", full)
        with pytest.raises(sqlite3.OperationalError):
            open_file(file_in(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [file_in(tmp_path).name]
    assert file_in(tmp_path).read_bytes() == before


async def test_two_broken_files_of_one_second_are_both_kept(tmp_path):
    for _ in range(3):
        file_in(tmp_path).write_bytes(b"rubbish" * 1000)
        async with opened_database(tmp_path, lambda _: None):
            pass
    assert len(broken_files(tmp_path)) == 3


def test_a_large_file_is_checked_where_it_matters(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "_SMALL", 0)
    path = file_in(tmp_path)
    open_file(path).connection.close()
    opened = open_file(path)
    opened.connection.close()
    assert opened.told == ""
