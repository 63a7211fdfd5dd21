"""What the last run knew is shown until it is verified, is never decided from, and spares what is no news."""

import pytest

from rrdnsd.core.effects import Publish, Transition
from rrdnsd.core.engine import Engine
from rrdnsd.core.events import Probed
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, State, Thresholds, Timings
from rrdnsd.daemon.memory import Memory, unexpected
from rrdnsd.store.remembered import Known, Remembered
from support.stores import Told, opened_database

ME, NAME = "10.0.0.1:3333", "www.example.com"
ONE, TWO = EndpointKey(NAME, "192.0.2.1"), EndpointKey(NAME, "192.0.2.2")
GOOD = ProbeResult(ok=True, reason="", timings=Timings(0.01))
BAD = ProbeResult(ok=False, reason="connection refused", timings=Timings(0.01))
WALL = 1e9


class Run:
    """One run of a node, which watches two endpoints, on a store that outlives it."""

    def __init__(self, database):
        self.now = 100.0
        endpoints = tuple(Endpoint(key.address) for key in (ONE, TWO))
        service = Service(NAME, "example.com", "default", 60, endpoints, Thresholds(fall=1))
        self.engine = Engine(ME, (ME,), (service,), self.now)
        self.memory = Memory(Remembered(database), self.engine, lambda: self.now, lambda: WALL + self.now)
        self.shown = []
        self.show = unexpected(self.memory.expects, self.shown.append)

    def probed(self, *results):
        effects = self.engine.handle(Probed(results), self.now)
        for effect in effects:
            self.show(effect)
            self.memory.see(effect)
        return effects

    @property
    def transitions(self):
        return [(e.key, e.after) for e in self.shown if isinstance(e, Transition)]


@pytest.fixture
async def database(tmp_path):
    async with opened_database(tmp_path, Told()) as made:
        yield made


async def restarted(database):
    run = Run(database)
    await run.memory.load()
    return run


async def ended(database):
    """A run that ended with one endpoint up and the other down."""
    run = await restarted(database)
    run.probed((ONE, GOOD), (TWO, BAD))
    run.now += 5
    await run.memory.save()


async def test_nothing_is_known_at_first(database):
    run = await restarted(database)
    assert run.memory.recall(ONE) is None
    run.probed((ONE, GOOD))
    assert run.transitions == [(ONE, State.UP)]


async def test_it_is_recalled_but_counts_as_unknown(database):
    await ended(database)
    run = await restarted(database)
    recalled = run.memory.recall(TWO)
    assert recalled.known == Known(
        TWO, State.DOWN, recalled.known.reason, WALL + 100.0, State.DOWN, "connection refused"
    )
    assert recalled.until == WALL + 105.0
    assert run.engine.endpoints[TWO].verdict is State.UNKNOWN
    assert not run.engine.electorate.own[NAME].ballots
    publication = run.engine.publications[NAME]
    assert not any(publication.present.values())
    assert not any(publication.absent.values())


async def test_what_is_verified_is_no_news_and_what_differs_is(database):
    await ended(database)
    run = await restarted(database)
    effects = run.probed((ONE, GOOD), (TWO, GOOD))
    assert run.transitions == [(TWO, State.UP)]
    assert any(isinstance(effect, Publish) for effect in effects)
    assert run.memory.recall(ONE) is run.memory.recall(TWO) is None


async def test_a_second_change_is_news_again(database):
    await ended(database)
    run = await restarted(database)
    run.probed((TWO, BAD))
    run.probed((TWO, GOOD))
    run.probed((TWO, GOOD))
    assert run.transitions == [(TWO, State.UP)]


async def test_a_run_that_verified_nothing_does_not_forget(database):
    await ended(database)
    run = await restarted(database)
    run.probed((ONE, BAD))
    await run.memory.save()
    last = await restarted(database)
    assert last.memory.recall(ONE).known.verdict is State.DOWN
    assert last.memory.recall(TWO).known.verdict is State.DOWN


async def test_what_the_disk_does_not_take_is_tried_again(database):
    run = await restarted(database)
    run.probed((ONE, GOOD))
    offer, database.offer = database.offer, refuse
    await run.memory.save()
    database.offer = offer
    await run.memory.save()
    assert (await restarted(database)).memory.recall(ONE).known.verdict is State.UP


async def refuse(_work, _records):
    return False


async def test_all_is_verified_is_said_once(database, caplog):
    caplog.set_level("INFO")
    await ended(database)
    run = await restarted(database)
    run.probed((ONE, GOOD))
    await run.memory.save()
    assert "verified" not in caplog.text
    run.probed((TWO, GOOD))
    await run.memory.save()
    await run.memory.save()
    assert caplog.text.count("1 endpoints are as before the restart, 1 are not") == 1
