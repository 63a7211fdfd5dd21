"""A library that blocks, in threads that nobody waits for."""

import asyncio
import threading

import pytest

from rrdnsd.errors import ProviderError
from rrdnsd.providers.vendor.threads import MOST_LOST, Threads


async def test_what_a_call_returns_and_raises():
    threads = Threads("test")
    assert await threads.run(lambda: 7, 5.0) == 7
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0, 5.0)


async def test_a_library_that_exits_ends_its_call_only():
    def leave():
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match="SystemExit"):
        await Threads("test").run(leave, 5.0)


async def test_hanging_calls_are_given_up_and_bounded_and_over_when_they_end():
    threads, go_on = Threads("test"), threading.Event()
    for _ in range(MOST_LOST):
        with pytest.raises(TimeoutError):
            await threads.run(go_on.wait, 0.01)
    with pytest.raises(ProviderError, match=r"^test: 4 earlier calls hang; nothing is tried until one ends$"):
        await threads.run(lambda: 7, 5.0)
    go_on.set()
    async with asyncio.timeout(10):
        while threads._running:  # noqa: ASYNC110 -- the threads tell nobody, that is their point
            await asyncio.sleep(0.01)
    assert await threads.run(lambda: 7, 5.0) == 7
