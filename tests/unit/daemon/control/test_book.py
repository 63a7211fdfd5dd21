"""Orders in memory and on disk: own ones are saved first, those of peers count at once."""

import asyncio

import pytest

from rrdnsd.core import orders
from rrdnsd.core.events import Ordered
from rrdnsd.core.ledger import Entry, Ledger, Stamp
from rrdnsd.daemon.control.book import Book
from rrdnsd.daemon.control.enforcement import Enforcement
from rrdnsd.errors import StoreError
from rrdnsd.store.audit import AuditRow
from support.names import NAME
from support.stores import eventually, opened_store

ME, PEER = "10.0.0.1:3333", "10.0.0.2:3333"
ROW = AuditRow(0.0, "ann", "drain", "x", "")


@pytest.fixture
async def store(tmp_path):
    async with opened_store(tmp_path / "state") as made:
        yield made


def book(store, ledger=None):
    return Book(Ledger() if ledger is None else ledger, store.ledger, ME, lambda: 1000.0)


def entry(number, node=PEER):
    setting = orders.drain(NAME, f"192.0.2.{number}")
    return Entry(setting.key, Stamp(2_000_000 + number, 0, node), setting.value, "bob", "a test")


async def test_what_was_written_is_there_at_the_next_start(store):
    first = book(store)
    made = first.stamped([orders.drain(NAME, "192.0.2.1"), orders.maintenance("", 5000.5)], "ann", "why")
    assert await first.write(made, ROW)
    again = book(store)
    assert {*await again.load()} == {*made}
    assert again.ledger.digest == first.ledger.digest
    assert again.news([orders.drain(NAME, "192.0.2.1")]) == []


async def test_nothing_counts_that_could_not_be_saved(store):
    made = book(store)

    made._shelf = type("Shelf", (), {"save": staticmethod(_refuse), "load": store.ledger.load})
    with pytest.raises(StoreError):
        await made.write(made.stamped([orders.pause()], "ann", ""), ROW)
    assert [*made.ledger] == []


async def _refuse(*_args):
    raise StoreError("the disk is full")


async def test_what_a_slow_disk_saved_all_the_same_counts_once_it_is_read(store):
    made = book(store)
    shelf = store.ledger

    async def late(entries, rows=()):
        await shelf.save(entries, rows)
        raise StoreError("the disk did not answer within 30 s")

    made._shelf = type("Shelf", (), {"save": staticmethod(late), "load": staticmethod(shelf.load)})
    taken = []
    made.taken = taken.extend
    with pytest.raises(StoreError):
        await made.write(made.stamped([orders.pause()], "ann", ""), ROW)
    assert made.trouble
    task = asyncio.create_task(made.run())
    await eventually(lambda: asyncio.sleep(0, taken))
    assert [found.key for found in made.ledger] == ["pause"]
    assert made.trouble == ""
    task.cancel()


async def test_what_peers_tell_counts_at_once_and_is_saved(store):
    made = book(store)
    task = asyncio.create_task(made.run())
    many = [entry(number) for number in range(1, 251)]
    assert made.take(many) == many
    assert made.take(many) == []
    assert len(made.ledger) == 250

    async def saved():
        return len(await store.ledger.load()) == 250

    await eventually(saved)
    task.cancel()


class Watched:
    """A runtime that notes what it is told."""

    def __init__(self):
        self.events = []

    def handle(self, event):
        self.events.append(event)


async def test_ends_of_orders_follow_the_time_of_day_when_it_jumps():
    ledger, runtime, times = Ledger(), Watched(), {"wall": 10_000.0, "now": 50.0}
    setting = orders.maintenance(NAME, 10_060.0)
    ledger.merge([Entry(setting.key, Stamp(1, 0, ME), setting.value)])
    made = Enforcement(ledger, runtime, None, None, lambda: times["now"], lambda: times["wall"])
    made.decide()
    times["wall"] += 5
    times["now"] += 5
    made.heed_the_time()
    assert len(runtime.events) == 1
    times["wall"] -= 3600  # somebody set the clock right
    made.heed_the_time()
    first, second = runtime.events
    assert isinstance(second, Ordered)
    assert [event.overrides[0].until for event in (first, second)] == [110.0, 50.0 + 5 + 3655.0]


async def test_what_is_wrong_with_an_order_is_told_until_it_is_replaced(store):
    kept = book(store)
    assert kept.faults == ()
    odd = Entry("drain|x", Stamp(3_000_000, 0, PEER), "{}")
    kept.take([odd])
    assert kept.faults == orders.faults([odd])
    assert len(kept.faults) == 1
    kept.take([Entry("drain|x", Stamp(3_000_001, 0, PEER), None)])
    assert kept.faults == ()


async def test_orders_that_did_not_change_are_not_read_again_and_again(store, monkeypatch):
    kept = book(store)
    kept.take([entry(1)])
    read = []
    monkeypatch.setattr(orders.json, "loads", lambda text: read.append(text) or {})
    assert kept.faults == kept.faults == ()
    assert len(read) == 1
