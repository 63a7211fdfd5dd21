"""One thread, bounded."""

import asyncio
import threading

import pytest

from rrdnsd.errors import StoreError
from rrdnsd.store.lane import Lane


async def test_work_is_done_in_order_and_off_the_loop():
    lane = Lane("test", 10)
    done = []
    names = await asyncio.gather(
        *(lane.run(lambda n=n: (done.append(n), threading.current_thread().name)[1], 60) for n in range(5))
    )
    assert done == [0, 1, 2, 3, 4]
    assert set(names) == {"test"}
    lane.stop()


async def test_what_work_raises_reaches_the_one_who_waits():
    lane = Lane("test", 10)
    with pytest.raises(ZeroDivisionError):
        await lane.run(lambda: 1 / 0, 60)
    assert await lane.run(lambda: "still there", 60) == "still there"
    lane.stop()


async def test_a_disk_that_hangs_is_given_up_on_and_the_queue_is_bounded():
    lane = Lane("test", 2)
    hung = threading.Event()
    with pytest.raises(StoreError, match="did not answer"):
        await lane.run(hung.wait, 0.05)
    assert lane.stuck > 0
    waiting = [asyncio.create_task(lane.run(int, 60)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StoreError, match="2 requests are waiting"):
        await lane.run(int, 60)
    hung.set()
    assert await asyncio.gather(*waiting) == [0, 0]
    lane.stop()


async def test_work_that_nobody_waits_for_any_more_is_not_done():
    lane = Lane("test", 5)
    hung, done = threading.Event(), []
    first = asyncio.create_task(lane.run(hung.wait, 60))
    second = asyncio.create_task(lane.run(lambda: done.append(2), 60))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    hung.set()
    await first
    await lane.run(int, 60)
    assert done == []
    lane.stop()
