"""Runs the real runtime and scheduler on a virtual clock, and a real socket for the service manager."""

import asyncio
from dataclasses import replace

import pytest

from rrdnsd.core.engine import Engine
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, Timings
from rrdnsd.daemon.keeping import KeeperStatus
from rrdnsd.daemon.manager.firstround import PATIENCE, FirstRound
from rrdnsd.daemon.manager.notify import Asked
from rrdnsd.daemon.manager.telling import STUCK, ServiceManager
from rrdnsd.daemon.runtime import Runtime
from support.notified import Notified
from support.virtual_time import run

ME, PEERS = "192.0.2.1:3333", ("192.0.2.2:3333", "192.0.2.3:3333")
SERVICE = Service(
    "www.example.test", "example.test", "dns", 60, (Endpoint("192.0.2.10"), Endpoint("192.0.2.11"))
)
KEYS = [EndpointKey(SERVICE.fqdn, end.address) for end in SERVICE.endpoints]
FINE = ProbeResult(ok=True, reason="", timings=Timings(0.0))
BAD = ProbeResult(ok=False, reason="refused", timings=Timings(0.0))


class Schedule:
    late = 0.0

    def behind(self):
        return self.late


class Keeper:
    """What the first round looks at of the keeper of a zone."""

    def __init__(self):
        self.server, self.status = "192.0.2.53:53", KeeperStatus()

    def want(self, publication):
        pass


class Stage:
    def __init__(self, path, nodes=(ME,), *, longest=70.0, calls=lambda _: False, watchdog=30.0):
        clock = asyncio.get_running_loop().time
        self.heard = Notified(path)
        self.runtime = Runtime(Engine(ME, nodes, (SERVICE,), clock()), clock)
        self.keeper, self.schedule = Keeper(), Schedule()
        self.runtime.attach(None, {("dns", "example.test"): [self.keeper]})
        self.manager = ServiceManager(
            Asked(self.heard.address, watchdog), self.runtime, self.schedule, FirstRound(self.runtime, calls, longest)
        )  # fmt: skip
        self.task = asyncio.create_task(self.manager.run())

    async def go(self, seconds):
        """Let that much time pass, and return what was told meanwhile."""
        before, end = len(self.heard.told), self.runtime.clock() + seconds
        while (left := end - self.runtime.clock()) > 0:
            await asyncio.sleep(min(left, 0.25))
            self.runtime.catch_up()
            assert self.heard.told is not None  # it reads all the time, as systemd does
        return self.heard.told[before:]

    async def round_done(self):
        self.runtime.on_results([(key, FINE) for key in KEYS])
        self.keeper.status.reads = 1
        return await self.go(2)

    async def end(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.heard.close()


def test_what_others_vote_on_is_not_waited_for():
    engine = Engine(ME, (ME, "10.0.0.8:3333", "10.0.0.9:3333"), (replace(SERVICE, voters=1),), 0.0)
    assert not any(status.voted_here for status in engine.endpoints.values())
    runtime = Runtime(engine, lambda: 0.0)
    assert FirstRound(runtime, lambda _: False, 70.0).open().unprobed == 0


@pytest.fixture
def play(tmp_path):
    """Run a scene on a virtual clock."""

    def begin(scene, **more):
        async def main():
            stage = Stage(tmp_path / "notify", **more)
            try:
                await scene(stage)
            finally:
                await stage.end()

        run(main())

    return begin


def said(name, told):
    return [each[name] for each in told if name in each]


def test_ready_comes_when_everything_was_probed_and_read(play):
    async def scene(stage):
        told = await stage.go(3)
        assert not said("READY", told)
        assert said("STATUS", told) == [
            "first round: 2 endpoints to be probed, example.test on 192.0.2.53:53 to be read"
        ]
        stage.runtime.on_results([(KEYS[0], FINE), (KEYS[1], BAD)])
        told = await stage.go(3)
        assert not said("READY", told)
        assert said("STATUS", told) == ["first round: example.test on 192.0.2.53:53 to be read"]
        stage.keeper.status.reads = 1
        told = await stage.go(0.5)
        assert told[0]["READY"] == "1"
        assert told[0]["STATUS"] == "watching 1 service, 2 endpoints: 1 up, 1 unknown"

    play(scene)


def test_an_unreachable_server_is_no_reason_to_wait(play):
    async def scene(stage):
        stage.runtime.on_results([(key, FINE) for key in KEYS])
        stage.keeper.status.failed("no answer", stage.runtime.clock())
        told = await stage.go(0.5)
        assert said("READY", told) == ["1"]
        assert said("STATUS", told)[-1].endswith("2 up; failing: example.test on 192.0.2.53:53")

    play(scene)


def test_a_server_that_hangs_is_waited_for_a_while(play):
    async def scene(stage):
        await stage.go(0.5)
        stage.runtime.on_results([(key, FINE) for key in KEYS])
        assert not said("READY", await stage.go(PATIENCE - 1))
        assert said("READY", await stage.go(2)) == ["1"]

    play(scene)


def test_a_probe_that_never_ends_is_waited_for_a_while(play):
    async def scene(stage):
        stage.keeper.status.reads = 1
        stage.runtime.on_results([(KEYS[0], FINE)])
        assert not said("READY", await stage.go(69))
        assert said("READY", await stage.go(2)) == ["1"]

    play(scene, longest=70.0)


def test_an_endpoint_that_calls_by_itself_is_not_waited_for(play):
    async def scene(stage):
        stage.keeper.status.reads = 1
        assert said("READY", await stage.go(1)) == ["1"]

    play(scene, calls=lambda _: True)


def test_a_node_without_a_quorum_gets_ready_too(play):
    async def scene(stage):
        stage.runtime.on_results([(key, FINE) for key in KEYS])
        told = await stage.go(PATIENCE + 1)
        assert said("READY", told) == ["1"]
        assert "no quorum: only 1 of 3 nodes heard" in said("STATUS", told)[-1]

    play(scene, nodes=(ME, *PEERS))


def test_more_time_is_asked_for_while_the_first_round_makes_progress(play):
    async def scene(stage):
        assert said("EXTEND_TIMEOUT_USEC", await stage.go(2))
        stage.schedule.late = STUCK
        assert not said("EXTEND_TIMEOUT_USEC", await stage.go(2))
        stage.schedule.late = 0.0
        told = await stage.round_done()
        assert not said("EXTEND_TIMEOUT_USEC", told[1:])

    play(scene)


def test_the_watchdog_is_fed_while_the_schedule_is_kept_and_no_longer(play):
    async def scene(stage):
        await stage.round_done()
        assert len(said("WATCHDOG", await stage.go(60))) > 10
        stage.schedule.late = STUCK + 2
        told = await stage.go(60)  # the event loop lives, and tells so
        assert not said("WATCHDOG", told)
        assert "no probe was started or has ended for 12 s" in said("STATUS", told)[0]
        stage.schedule.late = 0.0
        assert said("WATCHDOG", await stage.go(2))

    play(scene)


def test_an_impatient_watchdog_is_fed_often_enough(play):
    async def scene(stage):
        await stage.round_done()
        assert len(said("WATCHDOG", await stage.go(2))) >= 10

    play(scene, watchdog=0.5)


def test_a_watchdog_that_nobody_asked_for_is_not_fed(play):
    async def scene(stage):
        await stage.round_done()
        assert not said("WATCHDOG", await stage.go(60))

    play(scene, watchdog=None)


def test_a_status_that_stays_the_same_is_told_once(play):
    async def scene(stage):
        await stage.round_done()
        assert not said("STATUS", await stage.go(60))
        stage.runtime.on_results([(KEYS[0], BAD)] * SERVICE.thresholds.fall)
        assert said("STATUS", await stage.go(2)) == ["watching 1 service, 2 endpoints: 1 up, 1 down"]

    play(scene)


def test_a_reload(play):
    async def scene(stage):
        await stage.round_done()
        before = len(stage.heard.told)
        stage.manager.reloading()
        await stage.go(3)
        told = stage.heard.told[before:]
        assert int(told[0]["MONOTONIC_USEC"]) > 0
        assert (told[0]["RELOADING"], said("READY", told), len(said("STATUS", told))) == ("1", [], 1)
        stage.manager.reloaded()
        assert stage.heard.told[-1]["READY"] == "1"

    play(scene)


def test_a_reload_that_was_refused_is_shown_until_one_works(play):
    async def scene(stage):
        await stage.round_done()
        stage.manager.reloading()
        stage.manager.reloaded("2 mistakes in /etc/rrdnsd.json")
        await stage.go(3)
        assert stage.heard.values("STATUS")[-1].endswith(
            "2 up; the last reload was refused: 2 mistakes in /etc/rrdnsd.json"
        )
        stage.manager.reloading()
        stage.manager.reloaded()
        await stage.go(3)
        assert stage.heard.values("STATUS")[-1].endswith("2 up")

    play(scene)


def test_a_reload_during_the_first_round_does_not_make_the_node_ready(play):
    async def scene(stage):
        await stage.go(1)
        stage.manager.reloading()
        stage.manager.reloaded()
        told = await stage.go(3)
        assert not said("RELOADING", told)
        assert not said("READY", told)

    play(scene)


def test_the_end_is_told(play):
    async def scene(stage):
        await stage.round_done()
        stage.task.cancel()
        told = await stage.go(1)
        assert told[-1]["STOPPING"] == "1"

    play(scene)
