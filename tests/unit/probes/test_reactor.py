import asyncio
import socket
from contextlib import contextmanager

import pytest

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.probes.base import READ, WRITE, DeadlineExceeded
from rrdnsd.probes.reactor import Reactor

FINE = ProbeResult(ok=True, reason="", timings=Timings(0.0))


class Scripted:
    """A probe whose steps are a given generator function."""

    def __init__(self, steps, timeout=5.0):
        self.key = EndpointKey("a.test", "192.0.2.1")
        self.timeout = timeout
        self._steps = steps

    def run(self):
        return self._steps()

    def close(self):
        pass


class Driven:
    """A reactor whose results are awaited."""

    def __init__(self, **limits):
        self.batches = []
        self.bugs = []
        self._results = {}
        self._news = asyncio.Event()
        self.reactor = Reactor(
            asyncio.get_running_loop(), self._take, lambda _p, bug: self.bugs.append(bug), **limits
        )

    def _take(self, results):
        self.batches.append(results)
        self._results.update(results)
        self._news.set()

    async def results(self, *probes):
        self.reactor.start(probes)
        async with asyncio.timeout(60):
            while not self._results.keys() >= set(probes):
                await self._news.wait()
                self._news.clear()
        return [self._results[probe] for probe in probes]


@pytest.fixture
async def driven():
    with reactor() as made:
        yield made


@contextmanager
def reactor(**limits):
    made = Driven(**limits)
    try:
        yield made
    finally:
        made.reactor.close()


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def reading(sock, expected=b"x"):
    def steps():
        yield sock, READ
        assert sock.recv(10) == expected
        return FINE

    return Scripted(steps)


async def test_a_probe_waits_for_its_socket(driven, pair):
    ours, theirs = pair
    asyncio.get_running_loop().call_later(0.01, theirs.send, b"x")
    assert await driven.results(reading(ours)) == [FINE]


async def test_readiness_that_comes_early_is_not_lost(driven, pair):
    ours, theirs = pair
    theirs.send(b"x")

    def steps():
        yield ours, WRITE
        yield ours, READ
        assert ours.recv(1) == b"x"
        return FINE

    assert await driven.results(Scripted(steps)) == [FINE]


async def test_writing_after_reading_is_watched_for_too(driven, pair):
    ours, theirs = pair
    theirs.send(b"x")

    def steps():
        yield ours, READ
        event = yield ours, WRITE
        assert event & WRITE
        return FINE

    assert await driven.results(Scripted(steps)) == [FINE]


async def test_a_probe_may_change_sockets(driven):
    first, second = socket.socketpair()

    def steps():
        yield first, WRITE
        first.close()
        other, far = socket.socketpair()
        with other, far:
            far.send(b"x")
            yield other, READ
            assert other.recv(1) == b"x"
        return FINE

    with second:
        assert await driven.results(Scripted(steps)) == [FINE]


async def test_a_socket_that_stays_open_can_be_watched_again(driven, pair):
    ours, theirs = pair
    for _ in range(3):
        theirs.send(b"x")
        assert await driven.results(reading(ours)) == [FINE]


async def test_a_timeout_is_told_to_the_probe_which_explains_it(driven, pair):
    def steps():
        try:
            yield pair[0], READ
        except DeadlineExceeded:
            return FINE._replace(ok=False, reason="timeout while thinking")

    (result,) = await driven.results(Scripted(steps, timeout=0.02))
    assert result.reason == "timeout while thinking"


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_probe_that_ignores_its_timeout_ends_anyway(driven, pair, stubborn):
    def steps():
        try:
            yield pair[0], READ
        except DeadlineExceeded:
            if not stubborn:
                raise
            yield pair[0], READ

    (result,) = await driven.results(Scripted(steps, timeout=0.02))
    assert not result.ok
    assert result.reason == "timeout after 0.02 s"
    assert result.timings.total >= 0.02


async def test_timeouts_of_different_lengths_each_come_in_time(driven):
    def steps():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            yield ours, READ

    probes = [Scripted(steps, timeout=t) for t in (0.2, 0.02, 0.1)]
    results = await driven.results(*probes)
    order = [probe.timeout for batch in driven.batches for probe, _ in batch]
    assert order == [0.02, 0.1, 0.2]
    assert all(r.timings.total >= p.timeout for p, r in zip(probes, results, strict=True))


def breaks_at_once():
    raise ZeroDivisionError("at once")
    yield


def no_generator():
    return None


def yields_nonsense():
    yield None


def returns_nonsense():
    return "fine"
    yield


@pytest.mark.parametrize("broken", [breaks_at_once, no_generator, yields_nonsense, returns_nonsense])
async def test_a_bug_fails_its_own_probe_and_no_other(driven, pair, broken):
    pair[1].send(b"x")
    bad, good = await driven.results(Scripted(broken), reading(pair[0]))
    assert good == FINE
    assert not bad.ok
    assert bad.reason.startswith("bug in the probe type Scripted: ")
    assert len(driven.bugs) == 1


async def test_a_bug_after_a_wait_and_one_at_the_timeout_are_contained(driven, pair):
    ours, theirs = pair
    theirs.send(b"x")

    def later():
        yield ours, READ
        raise ZeroDivisionError

    def at_timeout():
        try:
            yield ours, WRITE
            yield ours, READ
            ours.recv(1)
            yield ours, READ
        except DeadlineExceeded:
            raise ZeroDivisionError from None

    for broken in (Scripted(later), Scripted(at_timeout, timeout=0.02)):
        (result,) = await driven.results(broken)
        assert "ZeroDivisionError" in result.reason
    assert driven.bugs[0].__traceback__ is not None


async def test_results_of_one_moment_come_in_one_batch(driven, monkeypatch):
    monkeypatch.setattr("rrdnsd.probes.reactor.monotonic", lambda: 1000.0)  # it is one moment

    def steps():
        return FINE
        yield

    await driven.results(*(Scripted(steps) for _ in range(50)))
    assert len(driven.batches) == 1


async def test_no_more_than_the_limit_hold_sockets_at_a_time(pair):
    most = running = 0

    def steps():
        nonlocal most, running
        running += 1
        most = max(most, running)
        try:
            yield pair[0], WRITE
        finally:
            running -= 1
        return FINE

    with reactor(max_in_flight=1) as driven:
        results = await driven.results(*(Scripted(steps) for _ in range(5)))
    assert results == [FINE] * 5
    assert most == 1


async def test_it_tells_how_many_have_not_begun(pair):
    def steps():
        yield pair[0], READ
        return FINE

    with reactor(max_in_flight=1) as driven:
        driven.reactor.start([Scripted(steps), Scripted(steps), Scripted(steps)])
        assert driven.reactor.waiting == 2


async def test_very_many_probes_do_not_keep_the_event_loop_from_others(driven):
    ticks = 0

    def count():
        nonlocal ticks
        ticks += 1
        asyncio.get_running_loop().call_soon(count)

    def steps():
        return FINE
        yield

    count()
    await driven.results(*(Scripted(steps) for _ in range(20_000)))
    assert ticks > 3


async def test_closing_ends_what_is_in_flight_without_results(pair):
    ended = False

    def steps():
        nonlocal ended
        try:
            yield pair[0], READ
        finally:
            ended = True

    with reactor() as driven:
        driven.reactor.start([Scripted(steps)])
        assert driven.reactor.in_flight == 1
    driven.reactor.start([Scripted(steps)])
    driven.reactor.close()
    assert ended
    assert not driven.batches


@pytest.mark.parametrize("answered", [True, False])
async def test_time_when_the_process_stood_still_does_not_count(driven, pair, monkeypatch, answered):
    """The timer comes a second late, as after SIGCONT: an unanswered probe gets all its time again, once."""
    ours, theirs = pair
    driven.reactor.start([reading(ours)])
    flight = next(iter(driven.reactor._flights.values()))
    now = flight.began + flight.timeout + 1.0
    monkeypatch.setattr("rrdnsd.probes.reactor.monotonic", lambda: now)
    driven.reactor._on_deadline()
    assert not driven.batches
    assert flight.deadline == pytest.approx(now + flight.timeout)
    if answered:
        theirs.send(b"x")
    now += flight.timeout + 1.0
    driven.reactor._on_deadline()
    ((_, result),) = driven.batches[0]
    assert result.reason == ("" if answered else "timeout after 5 s")
