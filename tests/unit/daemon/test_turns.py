"""When a node of several looks at a zone: after those before it, and never with what it believed before it stood still."""

import asyncio
import itertools
from collections import Counter
from contextlib import asynccontextmanager, suppress

import pytest

from rrdnsd.core.model import Applied, Endpoint, RRset, RRsetKey, Service, State, ZoneView
from rrdnsd.core.override import Effective
from rrdnsd.core.publish import publish
from rrdnsd.daemon.keeping import PATIENCE, Due, KeeperSettings
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.reports import Served, Wrote
from support.keeping import Memory
from support.keeping import wanted as publication
from support.names import NAME, ZONE
from support.virtual_time import run

ONE, TWO = "192.0.2.1", "192.0.2.2"
KEY = RRsetKey(NAME, "A")
TAKEOVER = 1.0


class Server:
    """Notes when it is read and what is written, and serves ONE and TWO."""

    label = "default 192.0.2.53:53"

    def __init__(self):
        self.read_at = []
        self.plans = []
        self.served = RRset(60, frozenset({ONE, TWO}))

    async def fetch(self, _zone, _keys):
        self.read_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)
        return ZoneView({KEY: self.served}, {})

    async def apply(self, plan):
        self.plans.append(plan)
        self.served = plan.changes[0].rrsets[0].after
        return Applied(frozenset({NAME}), frozenset(), messages=1)


def wanted(*down, held=""):
    service = Service(NAME, ZONE, "default", 60, (Endpoint(ONE), Endpoint(TWO)), fail_open_threshold=None)
    states = {a: Effective(State.DOWN if a in down else State.UP, "a test") for a in (ONE, TWO)}
    return publish(service, states, held)


@asynccontextmanager
async def keeping(server, place, interval=1000.0, **more):
    loop = asyncio.get_running_loop()
    settings = KeeperSettings(interval=interval, takeover=TAKEOVER)
    keeper = ZoneKeeper(server, ZONE, settings, lambda _report: None, loop.time, lambda: place, **more)
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(0)
    yield keeper
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_place_looks_one_takeover_after_the_decision(place):
    server = Server()

    async def main():
        async with keeping(server, place) as keeper:
            await asyncio.sleep(5)
            keeper.want(wanted(ONE))
            await asyncio.sleep(10)

    run(main())
    assert server.read_at[0] == pytest.approx(5 + place * TAKEOVER)


def test_waiting_for_a_look_for_drift_does_not_shorten_the_wait_for_a_decision():
    server = Server()

    async def main():
        async with keeping(server, 2, interval=4.0) as keeper:
            keeper.want(wanted())
            await asyncio.sleep(100)
            drift = server.read_at[-1] + 4.0  # the next regular look; its wait begins two takeovers before
            await asyncio.sleep(drift - 0.5 - asyncio.get_running_loop().time())
            decided = asyncio.get_running_loop().time()
            keeper.want(wanted(ONE))
            await asyncio.sleep(4)
            return decided

    decided = run(main())
    first = min(at for at in server.read_at if at > decided)
    assert first == pytest.approx(decided + 2 * TAKEOVER)


def test_a_name_that_changes_again_waits_again_but_not_for_ever():
    server = Server()

    async def main():
        async with keeping(server, 1) as keeper:
            for turn in range(20):
                keeper.want(wanted(*[ONE] * (turn % 2)))
                await asyncio.sleep(0.9 * TAKEOVER)

    run(main())
    assert server.read_at[0] == pytest.approx(PATIENCE * TAKEOVER)


def test_what_was_believed_before_standing_still_is_not_written():
    server = Server()
    held = wanted(ONE, held="no quorum: only 1 of 3 nodes heard")

    async def main():
        # The engine notices only now that this process stood still while the answer was on its way.
        def catch_up(names):
            asked.append(names)
            keeper.want(held)

        async with keeping(server, 0, catch_up=catch_up) as keeper:
            keeper.want(wanted(ONE))
            await asyncio.sleep(5)

    asked = []
    run(main())
    assert asked == [[NAME]]
    assert server.read_at
    assert not server.plans


def names(count):
    return [f"n{number}.{ZONE}" for number in range(count)]


@pytest.fixture
def slow(monkeypatch):
    """Each look at the clock by which turns are measured takes a second."""
    monkeypatch.setattr("rrdnsd.turns.pace.monotonic", itertools.count().__next__)


@pytest.mark.usefixtures("slow")
def test_what_is_decided_otherwise_while_others_are_planned_is_not_written_first():
    server = Memory()
    first, *others = names(5)

    async def main():
        news = [publication(first, up=(ONE,))]

        def catch_up(_names):
            while news:
                keeper.want(news.pop())

        async with keeping(server, 0, catch_up=catch_up) as keeper:
            for name in (first, *others):
                keeper.want(publication(name))
            await asyncio.sleep(1)

    run(main())
    assert [change.name for change in server.plans[0].changes] == others
    assert [change.name for change in server.plans[1].changes] == [first]
    assert server.served(first) == {ONE}


@pytest.mark.usefixtures("slow")
def test_others_have_their_turns_while_many_names_are_told_of():
    server, turns, told = Memory(), 0, []

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main():
        loop, settings = asyncio.get_running_loop(), KeeperSettings()
        keeper = ZoneKeeper(server, ZONE, settings, lambda report: told.append((turns, report)), loop.time)
        counting = asyncio.create_task(count())
        for name in names(200):
            keeper.want(publication(name))
        await keeper.reconcile(dict.fromkeys(names(200), Due(0.0, 0.0, drift=False)))
        counting.cancel()

    asyncio.run(main())
    for kind in (Wrote, Served):
        at = [turn for turn, report in told if isinstance(report, kind)]
        assert len(at) == 200
        assert max(Counter(at).values()) == 1
