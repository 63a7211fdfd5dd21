"""The report on everything is made from what is kept of the last one; it must say what one made anew would."""

import asyncio
import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest

from rrdnsd.core import orders
from rrdnsd.core.events import Reconfigured
from rrdnsd.core.model import RRset, RRsetKey
from rrdnsd.daemon.control.desk import Desk
from rrdnsd.daemon.control.reporter import FEW, MANY
from rrdnsd.daemon.control.status import overview, status_report
from rrdnsd.turns import Readers, ReaderTurns
from support.names import NAME
from support.scenes import NODES, ONE, START, TWO, Keeper, Stage

A = RRsetKey(NAME, "A")


def shown(report):
    return report.services[0]


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path).all_up()


async def test_nothing_has_changed(stage):
    kept = {}
    first = await overview(stage.scene(), kept, Readers().turns())
    again = await overview(stage.scene(), kept, Readers().turns())
    assert shown(again) is shown(first)
    assert again == status_report(stage.scene())


CHANGES = {
    "a probe": lambda stage: stage.probe(ONE, ok=False, times=1),
    "a verdict": lambda stage: stage.probe(ONE, ok=False),
    "a look at the server": lambda stage: stage.keepers[0].read_at.update({NAME: START + 9}),
    "what is served": lambda stage: stage.keepers[0].served.update({A: RRset(60, frozenset({TWO}))}),
    "a server in trouble": lambda stage: setattr(stage.keepers[0].status, "error", "timed out"),
    "another server": lambda stage: stage.keepers.append(Keeper(TWO)),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_has_changed_is_shown(stage, change):
    kept = {}
    first = await overview(stage.scene(), kept, Readers().turns())
    CHANGES[change](stage)
    then = await overview(stage.scene(), kept, Readers().turns())
    assert then == status_report(stage.scene())
    assert shown(then) is not shown(first)


async def test_orders_and_what_ends_them(stage):
    kept = {}
    await overview(stage.scene(), kept, Readers().turns())
    stage.order(orders.drain(NAME, ONE))
    for _ in range(2):
        stage.later(3)
        assert await overview(stage.scene(), kept, Readers().turns()) == status_report(stage.scene())


async def test_a_peer_that_is_silent_for_longer_and_longer(tmp_path):
    stage, kept = Stage(tmp_path, nodes=NODES).all_up(), {}
    for _ in range(3):
        stage.later(3)
        assert await overview(stage.scene(), kept, Readers().turns()) == status_report(stage.scene())


async def test_a_service_that_is_gone_is_forgotten(stage):
    kept = {}
    await overview(stage.scene(), kept, Readers().turns())
    stage.handle(Reconfigured(()))
    assert (await overview(stage.scene(), kept, Readers().turns())).services == []
    assert not kept


async def test_a_client_in_trouble_is_shown(stage):
    kept = {}
    await overview(stage.scene(), kept, Readers().turns())
    stage.now += 1
    scene = stage.scene(checks={NAME: "503"})
    assert await overview(scene, kept, Readers().turns()) == status_report(scene)


class Office:
    """As much of an office as a desk looks at for an overview."""

    def __init__(self, stage):
        self.stage = stage
        self.pulse = SimpleNamespace(revision=1)
        self.book = SimpleNamespace(ledger=SimpleNamespace(digest="as before"))
        self.watched = SimpleNamespace(config=stage.scene().config)
        self.membership = SimpleNamespace(version=0)

    def wall(self):
        return self.stage.scene().wall

    def scene(self):
        return self.stage.scene(revision=self.pulse.revision)


@pytest.fixture
def office(stage, monkeypatch):
    monkeypatch.setattr("rrdnsd.turns.pace.monotonic", itertools.count().__next__)  # each service ends a turn
    return Office(stage)


async def begun():
    """Wait until what was asked for just now is begun, if nothing else is under way."""
    for _ in range(2):
        await asyncio.sleep(0)


async def test_who_asks_at_the_same_time_is_shown_the_same(office):
    desk = Desk(office, Readers())
    first, second = await asyncio.gather(desk.overview(), desk.overview())
    assert first is second
    assert await desk.overview() is first
    office.stage.now += 1.5
    assert await desk.overview() is not first


async def test_who_asks_after_a_change_is_shown_it_though_others_have_asked_before(office):
    desk = Desk(office, Readers())
    before = asyncio.create_task(desk.overview())
    await begun()
    office.stage.probe(ONE, ok=False)
    office.pulse.revision += 1
    after = await desk.overview()
    assert (await before).revision == 1
    assert after.revision == 2
    assert after == replace(status_report(office.scene()), revision=2)


async def test_changes_without_end_do_not_make_readers_queue(office, monkeypatch):
    """Each of those that wait takes what was begun after it had asked."""
    others = asyncio.Event()
    monkeypatch.setattr(ReaderTurns, "rest", lambda _: others.wait())
    desk, asking = Desk(office, Readers()), []
    for _ in range(5):
        asking.append(asyncio.create_task(desk.overview()))
        await begun()
        office.pulse.revision += 1
    others.set()
    found = await asyncio.gather(*asking)
    assert len({id(report) for report in found}) == 2


@pytest.fixture
async def many(office):
    """A desk, and a report as of many services that it made before many changes."""
    desk = Desk(office, Readers())
    report = await desk.overview()
    old = replace(report, services=report.services * (MANY + 1))
    office.pulse.revision += FEW + 1
    assert desk.passes(old)
    return desk, old


@pytest.mark.parametrize("missed", [0, FEW + 1])
def test_a_report_on_many_services_passes_for_two_seconds(office, many, missed):
    desk, old = many
    report = replace(old, revision=office.pulse.revision - missed)
    office.stage.now += 1.9
    assert desk.passes(report)
    office.stage.now += 0.2
    assert not desk.passes(report)


def test_a_report_on_few_services_never_does(many):
    desk, old = many
    assert not desk.passes(replace(old, services=old.services[:MANY]))


def test_nor_does_one_that_few_changes_are_missing_in(office, many):
    desk, old = many
    assert not desk.passes(replace(old, revision=office.pulse.revision - FEW))
    assert not desk.passes(replace(old, revision=office.pulse.revision - 1))


CHANGED = {
    "an order": lambda office: setattr(office.book.ledger, "digest", "another"),
    "a change of nodes": lambda office: setattr(office.membership, "version", 1),
    "another configuration": lambda office: setattr(
        office.watched, "config", replace_interval(office.watched.config)
    ),
}


@pytest.mark.parametrize("what", CHANGED)
async def test_nor_does_one_from_before(office, many, what):
    desk, old = many
    CHANGED[what](office)
    assert not desk.passes(old)
    office.stage.now += 0.1
    after = await desk.overview()
    assert not desk.heeds(old)
    assert desk.heeds(after)
    assert desk.passes(replace(after, services=old.services))


@pytest.mark.parametrize("what", CHANGED)
async def test_what_nothing_is_told_of_is_shown_at_once_nevertheless(office, what):
    desk = Desk(office, Readers())
    before = await desk.overview()
    CHANGED[what](office)
    assert await desk.overview() is not before


def replace_interval(config):
    return config.model_copy(update={"probe_interval_ms": config.probe_interval_ms + 1})
