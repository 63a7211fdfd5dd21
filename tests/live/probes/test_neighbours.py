"""One endpoint's misery is nobody else's: a healthy endpoint beside bad ones keeps its schedule."""

import asyncio
from contextlib import ExitStack
from functools import partial
from itertools import pairwise

from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.daemon.timetable import Job
from rrdnsd.probes.runner import Runner
from support.endpoints import (
    answering,
    black_hole,
    closing_at_once,
    dripping,
    endless,
    endpoint,
    probe,
    resetting,
    silent,
)
from support.eventually import eventually
from support.ports import free_port

INTERVAL = 0.3


async def test_bad_neighbours_do_not_disturb_the_schedule():
    loop = asyncio.get_running_loop()
    results, arrivals, bugs = {}, [], []

    def behave(connection, stopped):
        arrivals.append(loop.time())
        answering()(connection, stopped)

    def deliver(batch):
        for key, result in batch:
            results.setdefault(key.address, []).append(result)

    with ExitStack() as stack:
        bad = [
            stack.enter_context(endpoint(one)).port
            for one in (
                silent,
                closing_at_once,
                resetting,
                dripping(),
                endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000),
                endless(b"HTTP/1.1 200 OK\r\n\r\n", b"abc" * 5000),
                answering(b"rubbish\r\n"),
            )
        ]
        bad += [stack.enter_context(black_hole()), free_port()]
        good = stack.enter_context(endpoint(behave)).port
        scheduler = Scheduler(loop, deliver, partial(Runner, loop, on_bug=lambda _p, bug: bugs.append(bug)))
        for number, port in enumerate(bad):
            for copy in range(3):
                asked = probe(f"http://{{}}:{port}/{copy}", timeout=0.15, expect_body="never")
                asked.key = asked.key._replace(address=f"{number}.{copy}")
                scheduler.add(Job(asked, INTERVAL))
        asked = probe(f"http://{{}}:{good}/", expect_body="ok")
        asked.key = asked.key._replace(address="good")
        scheduler.add(Job(asked, INTERVAL, 0.5))
        await eventually(lambda: regular(arrivals))
        await scheduler.close()

    assert not bugs
    assert len(results) == 3 * len(bad) + 1
    assert all(result.ok for result in results.pop("good"))
    assert not any(result.ok for outcomes in results.values() for result in outcomes)


def regular(arrivals):
    """Whether the latest so many came in their time: a busy machine may be late itself now and then, neighbours always."""
    gaps = [after - before for before, after in pairwise(arrivals[-11:])]
    return len(gaps) == 10 and abs(sum(gaps) / len(gaps) - INTERVAL) < INTERVAL / 5
