import asyncio
import resource

import pytest

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.probes.runner import Runner, sockets_allowed

FINE = ProbeResult(ok=True, reason="", timings=Timings(0.0))


class Slow:
    def __init__(self, act, timeout=5.0):
        self.key = EndpointKey("a.test", "192.0.2.1")
        self.timeout = timeout
        self._act = act

    async def probe(self):
        return await self._act()

    def close(self):
        pass


@pytest.fixture
async def run():
    queue: asyncio.Queue = asyncio.Queue()
    bugs = []
    runner = Runner(
        asyncio.get_running_loop(), queue.put_nowait, lambda _p, bug: bugs.append(bug), max_slow=2
    )

    async def run(*probes):
        runner.start(probes)
        results = {}
        while len(results) < len(probes):
            results |= dict(await asyncio.wait_for(queue.get(), 60))
        return [results[probe] for probe in probes]

    run.bugs, run.runner, run.queue = bugs, runner, queue
    yield run
    await runner.close()


async def at_once():
    return FINE


async def never():
    await asyncio.Event().wait()


async def broken():
    raise ZeroDivisionError


async def timing_out_by_itself():
    raise TimeoutError


async def test_coroutines_run_behind_the_same_door(run):
    assert await run(Slow(at_once)) == [FINE]


async def test_a_coroutine_that_takes_too_long_is_ended(run):
    (result,) = await run(Slow(never, timeout=0.02))
    assert result.reason == "timeout after 0.02 s"
    assert not run.bugs


@pytest.mark.parametrize("act", [broken, timing_out_by_itself])
async def test_a_bug_fails_its_own_probe_and_is_told(run, act):
    bad, good = await run(Slow(act), Slow(at_once))
    assert good == FINE
    assert bad.reason.startswith("bug in the probe type Slow: ")
    assert len(run.bugs) == 1


async def test_only_so_many_run_at_a_time(run):
    running = most = 0

    async def counted():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return FINE

    assert await run(*(Slow(counted) for _ in range(7))) == [FINE] * 7
    assert most == 2


async def test_closing_ends_coroutines_without_results(run):
    run.runner.start([Slow(never), Slow(never), Slow(never)])
    await asyncio.sleep(0)
    await run.runner.close()
    assert run.queue.empty()


def test_the_limit_of_open_files_is_raised_as_far_as_allowed(monkeypatch):
    asked = []
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: asked.append(limits))
    for limits, allowed in (
        ((1024, 20_000), 19_872),
        ((1024, -1), 50_000),
        ((-1, -1), 50_000),
        ((64, 64), 1),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _which, limits=limits: limits)
        assert sockets_allowed() == allowed
    assert asked == [(20_000, 20_000), (50_128, -1)]
