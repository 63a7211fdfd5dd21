"""What the last run knew: found again after a restart, and harmless where it is damaged or missing."""

import sqlite3
from contextlib import closing

from rrdnsd.core.model import EndpointKey, State
from rrdnsd.store.opening import open_file
from rrdnsd.store.remembered import Known, Recollection, Remembered
from rrdnsd.store.schema import MIGRATIONS
from support.stores import Told, file_in, opened_database

UP = Known(EndpointKey("www.example.com", "192.0.2.1"), State.UP, "up", 1e9, State.UP, "")
DOWN = Known(
    EndpointKey("www.example.com", "192.0.2.2"), State.DOWN, "down: refused \udc80", 2e9, State.UNKNOWN, "x"
)


async def test_what_is_saved_is_loaded_after_a_restart(tmp_path):
    async with opened_database(tmp_path) as database:
        assert await Remembered(database).load() == Recollection()
        assert await Remembered(database).save([UP], 5.0)
    async with opened_database(tmp_path) as database:
        assert await Remembered(database).load() == Recollection((UP,), 5.0)


async def test_the_last_word_counts_and_text_off_the_wire_is_taken(tmp_path):
    async with opened_database(tmp_path) as database:
        kept = Remembered(database)
        await kept.save([UP, Known(DOWN.key, State.UP, "up", 1.0, State.UP, "")], 5.0)
        await kept.save([DOWN], 6.0)
        found = await kept.load()
    assert [known.verdict for known in found.known] == [State.UP, State.DOWN]
    assert found.known[1].reason == "down: refused ?"
    assert found.until == 6.0


async def test_what_is_watched_no_more_is_forgotten(tmp_path):
    async with opened_database(tmp_path) as database:
        kept = Remembered(database)
        await kept.save([UP, DOWN], 5.0)
        await kept.keep_only({UP.key})
        assert (await kept.load()).known == (UP,)


async def test_a_file_that_is_removed_while_in_use_takes_nothing_with_it(tmp_path):
    async with opened_database(tmp_path, Told()) as database:
        await Remembered(database).save([UP], 5.0)
        for path in tmp_path.iterdir():
            path.unlink()
        await database.write(lambda _connection: None)
    async with opened_database(tmp_path) as database:
        assert await Remembered(database).load() == Recollection((UP,), 5.0)


async def test_damaged_rows_are_left_out(tmp_path):
    async with opened_database(tmp_path) as database:
        await Remembered(database).save([UP, DOWN], 5.0)
    with closing(sqlite3.connect(file_in(tmp_path))) as damaged, damaged:
        damaged.execute("UPDATE remembered SET verdict = 'upp' WHERE address = '192.0.2.2'")
        damaged.execute("UPDATE remembered SET since = 'x'")
        damaged.execute("UPDATE alive SET at = x'00'")
    async with opened_database(tmp_path) as database:
        found = await Remembered(database).load()
    assert [(known.key, known.since) for known in found.known] == [(UP.key, 0.0)]
    assert found.until == 0.0


async def test_a_missing_table_is_harmless(tmp_path):
    async with opened_database(tmp_path) as database:
        await Remembered(database).save([UP], 5.0)
    with closing(sqlite3.connect(file_in(tmp_path))) as damaged, damaged:
        damaged.execute("DROP TABLE remembered")
    async with opened_database(tmp_path, Told()) as database:
        assert await Remembered(database).load() == Recollection()


async def test_a_store_of_the_version_before_remembers_from_now_on(tmp_path):
    with closing(open_file(file_in(tmp_path), MIGRATIONS[:3]).connection) as old:
        old.execute("INSERT INTO ledger VALUES ('k', 's', NULL, '', '', '', 0.0)")
    async with opened_database(tmp_path) as database:
        kept = Remembered(database)
        assert await kept.load() == Recollection()
        assert await kept.save([UP], 5.0)
        assert (await kept.load()).known == (UP,)
        assert await database.read(lambda c: c.execute("SELECT key FROM ledger").fetchall()) == [("k",)]
