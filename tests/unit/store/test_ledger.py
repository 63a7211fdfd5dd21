"""Orders and their audit: all or nothing, once, and the last stamp wins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.store.audit import Audit, AuditFilter, AuditRow
from rrdnsd.store.ledger import Ledger, LedgerEntry
from support.stores import file_in, opened_database, rows

DRAIN = LedgerEntry(
    "drain www.example.org 192.0.2.1", "0001", {"until": 17.5}, "ann", "new kernel", "10.0.0.1", 12.0
)


def asked(request_id=None, **other):
    given = {"at": 12.0, "who": "ann", "action": "drain", "target": "192.0.2.1", "why": "new kernel", **other}
    return AuditRow(**given, before=None, after={"drained": True}, request_id=request_id)


async def test_what_is_saved_is_loaded_after_a_restart(tmp_path):
    async with opened_database(tmp_path) as database:
        assert await Ledger(database).save([DRAIN], [asked("r1")])
    async with opened_database(tmp_path) as database:
        assert await Ledger(database).load() == (DRAIN,)
        (row,) = await Audit(database).query()
        assert row == asked("r1", id=row.id)


async def test_a_tombstone_is_kept_and_null_is_one():
    async with opened_database(None) as database:
        ledger = Ledger(database)
        await ledger.save([DRAIN])
        lifted = LedgerEntry(DRAIN.key, "0002", None, "bob")
        await ledger.save([lifted])
        assert await ledger.load() == (lifted,)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=20))
@settings(max_examples=30, deadline=None)
async def test_the_last_stamp_wins_in_any_order(steps):
    async with opened_database(None) as database:
        ledger = Ledger(database)
        best = {}
        for key, time in steps:
            await ledger.save([LedgerEntry(key, f"{time:04}", time)])
            best[key] = max(best.get(key, -1), time)
        assert {entry.key: entry.value for entry in await ledger.load()} == best


async def test_a_request_is_carried_out_once():
    async with opened_database(None) as database:
        ledger, audit = Ledger(database), Audit(database)
        assert await ledger.save([DRAIN], [asked("r1")])
        later = LedgerEntry(DRAIN.key, "0002", None)
        assert not await ledger.save([later], [asked("r1")])
        assert await ledger.load() == (DRAIN,)
        assert await ledger.save([later], [asked("r2")])
        assert (await audit.find("r1")).request_id == "r1"
        assert await audit.find("r3") is None
        assert len(await audit.query()) == 2


async def test_rows_without_a_request_do_not_collide():
    async with opened_database(None) as database:
        audit = Audit(database)
        assert await audit.record(asked())
        assert await audit.record(asked())
        assert await audit.record(asked("r1"))
        assert not await audit.record(asked("r1"))
        assert len(await audit.query()) == 3


async def test_nothing_is_half_done():
    async with opened_database(None) as database:
        broken = LedgerEntry("other", None, {})
        with pytest.raises(Exception, match="NOT NULL"):
            await Ledger(database).save([DRAIN, broken], [asked("r1")])
        assert await rows(database, "SELECT key FROM ledger") == []
        assert await rows(database, "SELECT id FROM audit") == []
        assert database.trouble == ""


async def test_audit_is_filtered_and_paged():
    async with opened_database(None) as database:
        audit = Audit(database)
        for number in range(6):
            await audit.record(asked(who="ann" if number % 2 else "bob", at=float(number)))
        ann = await audit.query(AuditFilter(who="ann"))
        assert [row.at for row in ann] == [5, 3, 1]
        assert [row.at for row in await audit.query(AuditFilter(before_id=ann[0].id), limit=2)] == [4, 3]
        assert [row.at for row in await audit.query(AuditFilter(since=1, until=3))] == [2, 1]
        assert await audit.query(AuditFilter(action="failover")) == ()


async def test_a_damaged_order_is_left_out_and_not_taken_for_a_tombstone(tmp_path, caplog):
    async with opened_database(tmp_path) as database:
        ledger = Ledger(database)
        await ledger.save([DRAIN, LedgerEntry("other", "0001", 1)])
        await database.write(
            lambda c: c.execute("UPDATE ledger SET value = '{\"un' WHERE key = ?", (DRAIN.key,))
        )
        assert [entry.key for entry in await ledger.load()] == ["other"]
        assert "damaged" in caplog.text


async def test_orders_move_to_a_fresh_file_when_the_old_one_was_removed(tmp_path):
    told = []
    async with opened_database(tmp_path, told.append) as database:
        ledger = Ledger(database)
        await ledger.save([DRAIN])
        file_in(tmp_path).unlink()
        await ledger.save([LedgerEntry("other", "0001", 1)])
        assert {entry.key for entry in await ledger.load()} == {DRAIN.key, "other"}
    assert len(told) == 1
    assert "was removed or replaced" in told[0]
