"""A node that has all ballots to count again does so in turns, and is certain of what it writes meanwhile."""

import asyncio
import contextlib

from rrdnsd.core.effects import Publish
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Reseated
from rrdnsd.core.model import Endpoint, Service
from rrdnsd.daemon.runtime import Runtime

ME, PEER = "10.0.0.1:3333", "10.0.0.2:3333"
SERVICES = tuple(
    Service(f"s{number}.test", "test", "default", 30, (Endpoint("192.0.2.1"),)) for number in range(20)
)


class House:
    """A running node that rests when it is let."""

    def __init__(self):
        self.may_go_on = asyncio.Semaphore(0)
        engine = Engine(ME, (ME,), SERVICES, 100.0, Timing(learn=0.0), at_once=1)
        self.runtime = Runtime(engine, lambda: 100.0, rest=self.rest)
        self.published = []
        self.runtime.witness(self.see)

    async def rest(self):
        await self.may_go_on.acquire()

    def see(self, what):
        if isinstance(what, Publish):
            self.published.append(what.publication.service)


async def test_the_rest_is_counted_turn_by_turn():
    house = House()
    running = asyncio.create_task(house.runtime.run())
    house.runtime.handle(Reseated((ME, PEER)))
    left = [house.runtime.engine.uncounted]
    while left[-1]:
        house.may_go_on.release()
        for _ in range(5):
            await asyncio.sleep(0)
        left.append(house.runtime.engine.uncounted)
    assert left == [*range(19, -1, -1)]
    assert house.published == [service.fqdn for service in SERVICES]
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_what_is_to_be_written_is_counted_first():
    house = House()
    house.runtime.handle(Reseated((ME, PEER)))
    house.runtime.catch_up(["s17.test", "s11.test"])
    assert house.published == ["s0.test", "s17.test", "s11.test", "s1.test"]


async def test_without_anything_else_to_do_it_goes_on_by_itself():
    runtime = Runtime(Engine(ME, (ME,), SERVICES, 100.0, Timing(learn=0.0), at_once=1), lambda: 100.0)
    done = asyncio.Event()
    runtime.witness(lambda _what: None if runtime.engine.uncounted else done.set())
    running = asyncio.create_task(runtime.run())
    runtime.handle(Reseated((ME, PEER)))
    assert not done.is_set()
    async with asyncio.timeout(30):
        await done.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
