import asyncio
import heapq
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.daemon.scheduler import FIRST_RATE, Scheduler
from rrdnsd.daemon.timetable import TICK, Job, phase_of

FINE = ProbeResult(ok=True, reason="", timings=Timings(0.0))


class FakeClock:
    """A clock that stands still until it is told to go on, and then calls back what was due on the way."""

    def __init__(self, now=1000.0):
        self.now = now
        self._timers = []
        self._number = itertools.count()

    def time(self):
        return self.now

    def call_at(self, when, callback):
        timer = FakeTimer()
        heapq.heappush(self._timers, (when, next(self._number), timer, callback))
        return timer

    def go(self, seconds):
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            when, _, timer, callback = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            if not timer.cancelled:
                callback()
        self.now = until

    def jump(self, seconds):
        """Stand still for all the others, as a process that is stopped."""
        self.now += seconds
        self.go(0)


class FakeTimer:
    cancelled = False

    def cancel(self):
        self.cancelled = True


class FakeProbe:
    timeout = 1.0

    def __init__(self, address="192.0.2.1", service="a.test"):
        self.key = EndpointKey(service, address)
        self.closed = 0

    def close(self):
        self.closed += 1


class FakeProber:
    """Notes what is started when; ends nothing by itself unless `instant`."""

    def __init__(self, clock, on_results, instant):
        self.starts = []
        self.busy = 0.0
        self.waiting = 0
        self.in_flight = []
        self.closed = False
        self._clock, self._on_results, self._instant = clock, on_results, instant

    def start(self, probes):
        self.starts += [(self._clock.time(), probe) for probe in probes]
        self.in_flight += probes
        if self._instant:
            self.end(*probes)

    def end(self, *probes):
        for probe in probes:
            self.in_flight.remove(probe)
        self._on_results([(probe, FINE) for probe in probes])

    async def close(self):
        self.closed = True


class World:
    def __init__(self, instant=True, now=1000.0):
        self.clock = FakeClock(now)
        self.delivered = []

        def open_prober(on_results):
            self.prober = FakeProber(self.clock, on_results, instant)
            return self.prober

        self.scheduler = Scheduler(self.clock, self.delivered.extend, open_prober)

    def times(self, probe):
        return [at for at, started in self.prober.starts if started is probe]


def many(count):
    return [FakeProbe(f"192.0.{n // 256}.{n % 256}") for n in range(count)]


@given(
    interval=st.integers(100, 20_000).map(lambda ms: ms / 1000),
    phase=st.floats(0, 1, exclude_max=True),
    now=st.floats(0, 1e6),
    turns=st.integers(1, 30),
)
def test_there_is_no_drift(interval, phase, now, turns):
    world, probe = World(now=now), FakeProbe()
    world.scheduler.add(Job(probe, interval, phase))
    world.clock.go(turns * interval)
    starts = world.times(probe)
    assert abs(len(starts) - turns) <= 1
    for at in starts:
        off = (at - phase * interval + interval / 2) % interval - interval / 2
        assert -max(interval / 40, TICK / 2) - 1e-6 <= off <= max(interval / 40, TICK / 2) + TICK + 1e-6


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=60))
def test_at_most_one_is_in_flight_whatever_happens(steps):
    world, probe = World(instant=False), FakeProbe()
    world.scheduler.add(Job(probe, 0.5))
    for seconds, ends in steps:
        world.clock.go(seconds)
        world.scheduler.probe_after(probe.key, seconds / 10)
        assert len(world.prober.in_flight) <= 1
        if ends and world.prober.in_flight:
            world.prober.end(probe)


def test_a_probe_that_outlasts_its_interval_is_an_overrun():
    world, probe = World(instant=False), FakeProbe()
    world.scheduler.add(Job(probe, 1.0, 0.0))
    world.clock.go(3.5)
    assert len(world.times(probe)) == 1
    assert world.scheduler.stats().overruns == 2
    world.prober.end(probe)
    world.clock.go(1)
    assert len(world.times(probe)) == 2


def test_phases_spread_the_work():
    world, probes = World(), many(1000)
    world.scheduler.set_jobs(Job(probe, 10.0) for probe in probes)
    counts = []
    for _ in range(10):
        before = len(world.prober.starts)
        world.clock.go(1)
        counts.append(len(world.prober.starts) - before)
    assert sum(counts) == pytest.approx(1000, abs=5)
    assert min(counts) > 60
    assert max(counts) < 140


def test_a_given_phase_is_kept():
    world, probes = World(now=1000.0), many(4)
    for number, probe in enumerate(probes):
        world.scheduler.add(Job(probe, 2.0, number / 4))
    world.clock.go(2)
    assert [round(at, 6) for at, _ in world.prober.starts] == [1000.5, 1001.0, 1001.5, 1002.0]


def test_the_phase_of_an_endpoint_is_the_same_everywhere():
    assert phase_of(EndpointKey("a.test", "192.0.2.1")) == phase_of(EndpointKey("a.test", "192.0.2.1"))
    assert 0 <= phase_of(EndpointKey("a.test", "192.0.2.1")) < 1
    assert phase_of(EndpointKey("a.test", "192.0.2.1")) != phase_of(EndpointKey("b.test", "192.0.2.1"))


@settings(max_examples=40)
@given(pause=st.floats(0.3, 60), interval=st.sampled_from([1.0, 5.0, 30.0]))
def test_no_storm_follows_a_pause(pause, interval):
    world, probes = World(), many(600)
    world.scheduler.set_jobs(Job(probe, interval) for probe in probes)
    world.clock.go(interval)
    world.prober.starts.clear()
    world.clock.jump(pause)
    usual = 600 / interval
    # What fell due in the quarter of a second before is late, not missed.
    assert len(world.prober.starts) <= usual * 0.25 * 1.8 + 20
    for _ in range(10):
        before = len(world.prober.starts)
        world.clock.go(interval / 10)
        assert len(world.prober.starts) - before <= 2 * 1.5 * 60 + 20
    world.clock.go(3 * TICK)
    assert {probe for _, probe in world.prober.starts} == set(probes), "nobody is forgotten"


def test_a_short_stall_is_made_up_for_within_as_long_again():
    world, probe = World(), FakeProbe()
    world.scheduler.add(Job(probe, 60.0, 0.5))
    world.clock.go(60 - (1000 % 60) + 29.9)
    world.prober.starts.clear()
    due = world.clock.now + 0.1
    world.clock.jump(2.0)
    assert not world.prober.starts
    world.clock.go(2.2)
    (at,) = world.times(probe)
    assert due + 1.9 <= at <= due + 2.2
    assert world.scheduler.stats().missed == 1


def test_being_slow_is_no_stall():
    world, probe = World(), FakeProbe()
    world.scheduler.add(Job(probe, 1.0, 0.0))
    world.clock.jump(1.2)
    assert len(world.times(probe)) == 1
    assert world.scheduler.stats().lag_max == pytest.approx(0.2)


def test_whole_turns_that_were_slept_through_are_counted():
    world, probe = World(), FakeProbe()
    world.scheduler.add(Job(probe, 1.0, 0.0))
    world.clock.jump(10.5)
    assert world.scheduler.stats().missed == 10
    world.clock.go(1.0)
    assert len(world.times(probe)) == 1


def test_a_recheck_comes_out_of_turn_and_moves_nothing():
    world, probe = World(), FakeProbe()
    world.scheduler.add(Job(probe, 10.0, 0.0))
    world.clock.go(1)
    world.scheduler.probe_after(probe.key, 0.5)
    world.scheduler.probe_after(probe.key, 2.0)
    world.clock.go(20)
    assert [round(at - 1000) for at in world.times(probe)] == [2, 10, 20]
    assert world.times(probe)[0] == pytest.approx(1001.5, abs=TICK)


def test_a_sooner_recheck_replaces_a_later_one():
    world, probe = World(), FakeProbe()
    world.scheduler.add(Job(probe, 60.0, 0.0))
    world.scheduler.probe_after(probe.key, 5.0)
    world.scheduler.probe_after(probe.key, 0.0)
    world.clock.go(10)
    assert len(world.times(probe)) == 1
    assert world.times(probe)[0] == pytest.approx(1000, abs=TICK)


def test_what_was_late_while_the_daemon_was_put_together_is_forgotten():
    world, probe = World(), FakeProbe()
    world.scheduler.add(Job(probe, 1.0, 0.5))
    world.clock.jump(0.6)
    world.clock.go(0.1)
    assert world.scheduler.stats().lag_max > 0.05
    world.scheduler.settle()
    world.clock.go(1)
    assert world.scheduler.stats().lag_max < 0.05


def test_a_probe_that_waits_for_the_prober_is_late_until_it_begins():
    world, probe = World(instant=False), FakeProbe()
    world.scheduler.add(Job(probe, 1.0, 0.5))
    world.prober.waiting = 1
    world.clock.go(0.7)
    assert not sum(world.scheduler.stats().lags.counts)
    world.prober.waiting = 0
    world.prober.end(probe)
    assert world.scheduler.stats().lag_max == pytest.approx(0.2)
    assert sum(world.scheduler.stats().lags.counts) == 1


def test_a_probe_beside_the_turns_stands_for_the_turn_that_comes_meanwhile():
    world, probe = World(instant=False), FakeProbe()
    world.scheduler.add(Job(probe, 1.0, 0.5))
    world.scheduler.probe_after(probe.key, 0.4)
    world.clock.go(0.6)
    assert len(world.times(probe)) == 1
    assert world.scheduler.stats().overruns == 0
    world.clock.go(1)
    assert world.scheduler.stats().overruns == 1


def test_a_recheck_of_what_is_in_flight_or_unknown_is_nothing():
    world, probe = World(instant=False), FakeProbe()
    world.scheduler.probe_after(probe.key, 0)
    world.scheduler.add(Job(probe, 10.0, 0.0))
    world.clock.go(10)
    world.scheduler.probe_after(probe.key, 0)
    world.clock.go(1)
    assert len(world.times(probe)) == 1
    assert world.scheduler.stats().overruns == 0


def test_deliver_may_ask_for_a_recheck_at_once():
    world, probe = World(), FakeProbe()

    def deliver(results):
        world.delivered.extend(results)
        if len(world.delivered) < 4:
            world.scheduler.probe_after(probe.key, 0.1)

    world.scheduler._deliver = deliver
    world.scheduler.add(Job(probe, 60.0, 0.0))
    world.scheduler.probe_after(probe.key, 0)
    world.clock.go(5)
    assert [round(at - 1000, 1) for at in world.times(probe)] == [0.0, 0.1, 0.2, 0.3]


def test_jobs_come_and_go():
    world, (stays, goes, comes) = World(), many(3)
    world.scheduler.set_jobs([Job(stays, 1.0), Job(goes, 1.0)])
    world.clock.go(1)
    world.scheduler.set_jobs([Job(stays, 1.0), Job(comes, 1.0)])
    world.prober.starts.clear()
    world.clock.go(5)
    assert (len(world.times(stays)), len(world.times(goes)), len(world.times(comes))) == (5, 0, 5)
    assert (stays.closed, goes.closed) == (0, 1)
    assert world.scheduler.stats().jobs == 2


def test_the_same_job_is_not_touched_by_another_set():
    """What is to be looked at again soon must not wait for its turn because another service came."""
    world, (stays, comes) = World(), many(2)
    job = Job(stays, 60.0, 0.0)
    world.scheduler.set_jobs([job])
    world.scheduler.probe_after(stays.key, 0.5)
    world.scheduler.set_jobs([job, Job(comes, 60.0, 0.5)])
    world.clock.go(1)
    assert len(world.times(stays)) == 1
    assert stays.closed == 0


def test_a_replaced_probe_keeps_the_grid():
    world, old, new = World(), FakeProbe(), FakeProbe()
    world.scheduler.add(Job(old, 1.0))
    world.clock.go(3)
    world.scheduler.add(Job(new, 1.0))
    world.clock.go(3)
    times = world.times(old) + world.times(new)
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([1.0] * 5)
    assert (old.closed, new.closed) == (1, 0)


@pytest.mark.parametrize("replace", [True, False])
def test_results_of_a_probe_that_is_gone_are_dropped_and_it_is_closed_then(replace):
    world, old, new = World(instant=False), FakeProbe(), FakeProbe()
    world.scheduler.add(Job(old, 1.0, 0.0))
    world.clock.go(1)
    if replace:
        world.scheduler.add(Job(new, 1.0, 0.0))
    else:
        world.scheduler.remove(old.key)
        world.scheduler.add(Job(new, 1.0, 0.0))
    assert old.closed == 0
    world.clock.go(1)
    assert not world.times(new), "one endpoint, one probe in flight"
    world.prober.end(old)
    assert old.closed == 1
    assert not world.delivered
    world.clock.go(1)
    assert len(world.times(new)) == 1


def test_pausing_starts_nothing_and_resuming_no_storm():
    world, probes = World(), many(100)
    world.scheduler.set_jobs(Job(probe, 1.0) for probe in probes)
    world.clock.go(1)
    world.scheduler.pause()
    world.prober.starts.clear()
    world.clock.go(10)
    assert not world.prober.starts
    world.scheduler.resume()
    world.clock.go(0)
    assert len(world.prober.starts) < 50
    world.clock.go(1.1)
    assert {probe for _, probe in world.prober.starts} == set(probes)


def test_results_are_delivered_with_their_keys():
    world, probe = World(), FakeProbe()
    world.scheduler.add(Job(probe, 1.0))
    world.clock.go(1)
    assert world.delivered == [(probe.key, FINE)]


def test_closing_ends_everything_once():
    world, (running, idle) = World(instant=False), many(2)
    world.scheduler.add(Job(running, 1.0, 0.0))
    world.scheduler.add(Job(idle, 100.0, 0.5))
    world.clock.go(1)
    asyncio.run(world.scheduler.close())
    assert world.prober.closed
    assert (running.closed, idle.closed) == (1, 1)
    world.clock.go(10)
    assert len(world.prober.starts) == 1


def test_the_load_is_the_share_of_recent_time():
    world, probe = World(), FakeProbe()
    world.scheduler.add(Job(probe, 0.5, 0.0))
    world.clock.go(60)
    assert world.scheduler.stats().load_factor == 0
    for _ in range(20):
        world.prober.busy += 0.5
        world.clock.go(1)
    assert world.scheduler.stats().load_factor == pytest.approx(0.5, abs=0.06)


def test_a_schedule_that_is_kept_is_never_behind():
    world = World()
    for probe in many(50):
        world.scheduler.add(Job(probe, 60.0))
    for _ in range(300):
        world.clock.go(0.5)
        assert world.scheduler.behind() == 0


def test_nothing_to_do_and_a_pause_are_not_behind():
    world = World()
    world.clock.go(1000)
    assert world.scheduler.behind() == 0
    world.scheduler.add(Job(FakeProbe(), 1.0))
    world.scheduler.pause()
    world.clock.go(1000)
    assert world.scheduler.behind() == 0


def test_a_timer_that_never_comes_is_behind():
    world = World()
    world.scheduler.add(Job(FakeProbe(), 1.0, phase=0.5))
    world.clock.now += 100  # time passes, and nobody calls back
    assert world.scheduler.behind() == pytest.approx(99.5)


def test_probes_of_which_none_ends_are_behind():
    world, probe = World(instant=False), FakeProbe()
    world.scheduler.add(Job(probe, 5.0, phase=0.0))
    world.clock.go(5.0)
    assert world.scheduler.behind() == 0
    world.clock.go(30.0)
    assert world.scheduler.behind() == pytest.approx(30.0 - probe.timeout)
    world.prober.end(probe)
    assert world.scheduler.behind() == 0


def test_one_probe_that_never_ends_is_not_behind():
    world = World(instant=False)
    stuck, other = many(2)
    world.scheduler.add(Job(stuck, 60.0, phase=0.1))
    world.scheduler.add(Job(other, 60.0, phase=0.2))
    for _ in range(200):
        world.clock.go(1.0)
        if other in world.prober.in_flight:
            world.prober.end(other)
        assert world.scheduler.behind() < 10


def test_looking_round_is_quick_but_no_storm():
    world = World(instant=True)
    probes = [FakeProbe(f"2001:db8::{number:x}") for number in range(1000)]
    world.scheduler.set_jobs(Job(probe, 30.0) for probe in probes)
    world.scheduler.look_round()
    world.clock.go(3.0)
    starts = world.prober.starts
    assert {probe.key for _, probe in starts} == {probe.key for probe in probes}
    first = min(at for at, _ in starts)
    for second in range(3):
        now = [at for at, _ in starts if first + second <= at < first + second + 1]
        assert len(now) <= FIRST_RATE + 1000 / 30 + 20


def test_looking_round_passes_by_what_only_got_another_turn():
    world, (known, comes) = World(instant=True), many(2)
    world.scheduler.set_jobs([Job(known, 30.0, 0.5)])
    world.clock.go(31.0)
    world.scheduler.set_jobs([Job(known, 30.0, 0.6), Job(comes, 30.0, 0.6)])
    before = len(world.times(known))
    world.scheduler.look_round()
    world.clock.go(0.1)
    assert (len(world.times(known)) - before, len(world.times(comes))) == (0, 1)


def test_looking_round_moves_no_turn():
    plain, hurried = World(instant=True), World(instant=True)
    for world in (plain, hurried):
        world.scheduler.set_jobs(Job(FakeProbe(f"192.0.2.{number}"), 30.0) for number in range(1, 21))
    hurried.scheduler.look_round()
    for world in (plain, hurried):
        world.clock.go(60.0)
    usual = [(at, probe.key) for at, probe in plain.prober.starts]
    found = [(at, probe.key) for at, probe in hurried.prober.starts]
    assert [start for start in found if start in usual] == usual
    assert len(found) - len(usual) <= 20


def test_looking_round_leaves_what_was_probed_alone():
    world = World(instant=True)
    old = Job(FakeProbe("192.0.2.1"), 30.0)
    world.scheduler.set_jobs([old])
    world.clock.go(30.0)
    before = len(world.prober.starts)
    new = Job(FakeProbe("192.0.2.2"), 30.0)
    world.scheduler.set_jobs([old, new])
    world.scheduler.look_round()
    world.clock.go(0.1)
    assert [probe for _, probe in world.prober.starts[before:] if probe is new.probe] == [new.probe]
    assert old.probe not in [probe for _, probe in world.prober.starts[before:]]


def test_a_stall_at_the_start_costs_no_endpoint_its_first_look():
    world = World(instant=True)
    probes = many(500)
    world.scheduler.set_jobs(Job(probe, 30.0) for probe in probes)
    world.scheduler.look_round()
    world.clock.jump(0.8)
    world.clock.go(2.0)
    assert {probe.key for _, probe in world.prober.starts} == {probe.key for probe in probes}
