"""Ten thousand things to tell at once, to a receiver that hangs: probes start on time all the same."""

import asyncio

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.core.telling import Kind
from rrdnsd.daemon.announcing.board import Board, Rules
from rrdnsd.daemon.announcing.channel import Channel
from rrdnsd.daemon.announcing.conditions import Conditions, Subject
from rrdnsd.daemon.scheduler import Job, Scheduler
from rrdnsd.notifiers.queue import Queue
from support.eventually import eventually

FINE = ProbeResult(ok=True, reason="", timings=Timings(0.0))


class Probe:
    def __init__(self, number):
        self.key = EndpointKey("www.example.com", f"2001:db8::{number:x}")

    def close(self):
        pass


class Prober:
    """Answers at once: what is measured is only when probes start."""

    busy = 0.0

    def __init__(self, on_results):
        self._on_results = on_results

    def start(self, probes):
        asyncio.get_running_loop().call_soon(self._on_results, [(probe, FINE) for probe in probes])

    async def close(self):
        pass


class Hanging:
    def __init__(self):
        self.messages = []

    async def send(self, message):
        self.messages.append(message)
        await asyncio.Event().wait()


class Scene:
    node = "10.0.0.1:3333"

    def before(self, _name):
        return ()

    def quiet(self):
        return lambda _: False

    def share(self, marks):
        pass


async def test_ten_thousand_at_once_do_not_delay_probes(tmp_path):
    loop = asyncio.get_running_loop()
    conditions = Conditions(loop.time, lambda: 1e9)
    board, receiver = Board("hook", Rules(batch=0.5), conditions), Hanging()
    queue = Queue(tmp_path, 1000, print)
    channel = Channel(board, queue, receiver, Scene(), loop.time, lambda: 1e9, 60.0, tmp_path)
    scheduler = Scheduler(loop, lambda _: None, Prober)
    scheduler.set_jobs(Job(Probe(number), 0.1) for number in range(100))
    running = asyncio.create_task(channel.run())
    try:
        await asyncio.sleep(0.3)
        for start in range(0, 10_000, 500):  # as the engine hands them over: in batches
            for number in range(start, start + 500):
                subject = Subject(Kind.ENDPOINT, f"s{number % 100}.example.com", f"2001:db8::{number:x}")
                conditions.trouble(subject, "3 of 3 nodes report connection refused")
            await asyncio.sleep(0)
        await eventually(lambda: receiver.messages)
        await asyncio.sleep(0.3)
        assert len(receiver.messages) == 1
        assert board.open == ()
        stats = scheduler.stats()
        assert stats.started > 500
        assert stats.lag_p50 < 0.02
        assert stats.lag_p99 < 0.2
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await scheduler.close()
