"""The store as the daemon sees it: it runs, it never holds up the event loop, it closes with nothing left."""

import asyncio
import time

import pytest

from rrdnsd.core.model import EndpointKey, ProbeResult, State, Timings
from rrdnsd.store import room
from rrdnsd.store.history import MINUTE
from rrdnsd.store.ledger import LedgerEntry
from support.stores import Clock, eventually, opened_store, rows

KEYS = [EndpointKey("www.example.org", f"10.0.{n // 256}.{n % 256}") for n in range(1000)]
GOOD = ProbeResult(True, "", Timings(0.01))


@pytest.mark.parametrize("on_disk", [True, False])
async def test_it_writes_by_itself_every_second_and_every_minute(tmp_path, monkeypatch, on_disk):
    monkeypatch.setattr(room, "_FLUSH_SECONDS", 0.01)
    clock = Clock()
    async with opened_store(tmp_path if on_disk else None, clock=clock) as store:
        running = asyncio.create_task(store.run())
        event = store.events.append("start", "here I am")
        store.recorder.note([(KEYS[0], GOOD)])
        await eventually(lambda: rows(store.database, "SELECT id FROM event"))
        assert await store.history.spans(0, 2**40, step=MINUTE) == {}
        began = clock.now
        clock.now += 60
        found = await eventually(lambda: store.history.spans(0, 2**40, step=MINUTE))
        assert await store.events.query() == (event,)
        assert found[KEYS[0]][0].start == began // 60 * 60
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_closing_writes_what_is_left(tmp_path):
    async with opened_store(tmp_path) as store:
        store.events.append("stop", "good bye")
        store.recorder.note([(KEYS[0], GOOD)])
    async with opened_store(tmp_path) as store:
        assert [event.text for event in await store.events.query()] == ["good bye"]
        assert [run.count for run in await store.runs.query()] == [1]
        assert (await store.history.spans(0, 2**40))[KEYS[0]][0].probes == 1


async def test_what_cannot_be_written_is_counted_and_the_rest_goes_on(tmp_path):
    (tmp_path / "file").touch()
    told = []
    async with opened_store(tmp_path / "file" / "state", told.append) as store:
        store.recorder.note([(key, GOOD) for key in KEYS])
        store.events.append("start", "here I am")
        await store.events.flush()
        await store._flush_history(store.clock())
        assert store.database.lost == 1000
    assert len(told) == 1


async def test_the_event_loop_is_never_held_up(tmp_path):
    async with opened_store(tmp_path) as store:
        for key in KEYS:
            store.recorder.verdict(key, State.UP)
        for turn in range(5):  # until other processes leave it alone for as long as it takes
            slept = await pauses_while_it_writes(store, turn)
            # Many ticks went by, and none waited for the disk: a bound for slow machines, not a measurement.
            if len(slept) > 10 and sorted(slept)[len(slept) // 2] < 0.05 and max(slept) < 0.5:
                break
        else:
            raise AssertionError(f"each time the event loop stood still: {sorted(slept)[-5:]}")


async def pauses_while_it_writes(store, turn):
    """How long the event loop took for each of its rounds meanwhile."""
    for _ in range(12):
        store.recorder.note([(key, GOOD) for key in KEYS])
    for number in range(2000):
        store.events.append("write", str(number))
    slept = []

    async def tick():
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            slept.append(time.perf_counter() - began)

    ticking = asyncio.create_task(tick())
    await asyncio.gather(
        store.events.flush(),
        store._flush_history(store.clock()),
        *(store.ledger.save([LedgerEntry(f"key {number}", str(turn), {})]) for number in range(100)),
    )
    await store.history.latency(0, 2**40)
    ticking.cancel()
    return slept
