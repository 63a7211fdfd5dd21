"""Ten thousand things to tell at once, to a receiver that hangs: probes start on time all the same."""

import asyncio
import gc
import os
import threading
import time
from contextlib import contextmanager

import pytest

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.core.telling import Kind
from rrdnsd.daemon.announcing.board import Board, Rules
from rrdnsd.daemon.announcing.channel import Channel
from rrdnsd.daemon.announcing.conditions import Conditions, Subject
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.daemon.timetable import Job
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
    waiting = 0

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


@contextmanager
def stretches():
    """Note how long the event loop is held each time, in its own CPU seconds: other processes do not count."""
    found = []

    async def watch():
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)  # what comes together within it counts as one, so it must be short
            found.append(time.thread_time() - before)

    watching = asyncio.create_task(watch())
    gc.disable()  # what it walks through is mostly pytest's
    try:
        yield found
    finally:
        gc.enable()
        watching.cancel()


async def tell_ten_thousand(conditions):
    for start in range(0, 10_000, 500):  # as the engine hands them over: in batches
        for number in range(start, start + 500):
            subject = Subject(Kind.ENDPOINT, f"s{number % 100}.example.com", f"2001:db8::{number:x}")
            conditions.trouble(subject, "3 of 3 nodes report connection refused")
        await asyncio.sleep(0)


def hanging_channel(folder):
    """A channel whose receiver hangs, and the conditions it tells of."""
    clock = asyncio.get_running_loop().time
    conditions = Conditions(clock, lambda: 1e9)
    board, receiver = Board("hook", Rules(batch=0.5), conditions), Hanging()
    queue = Queue(folder, 1000, print)
    return conditions, receiver, Channel(board, queue, receiver, Scene(), clock, lambda: 1e9, 60.0, folder)


@pytest.fixture
def slow_disk(monkeypatch):
    """A disk that takes its time; gives the threads that waited for it: CPU seconds do not show who did."""
    waited, real = [], os.fsync

    def fsync(file):
        waited.append(threading.get_ident())
        time.sleep(0.2)
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    return waited


async def test_ten_thousand_at_once_do_not_delay_probes(tmp_path, slow_disk):
    """The event loop is held hardly longer than without the notifier, so probes start as they would."""
    conditions, _, _ = hanging_channel(tmp_path)
    with stretches() as without:
        await tell_ten_thousand(conditions)
    conditions, receiver, channel = hanging_channel(tmp_path)
    scheduler = Scheduler(asyncio.get_running_loop(), lambda _: None, Prober)
    scheduler.set_jobs(Job(Probe(number), 0.1) for number in range(100))
    running = asyncio.create_task(channel.run())
    try:
        with stretches() as beside:
            await asyncio.sleep(0.3)
            await tell_ten_thousand(conditions)
            await eventually(lambda: receiver.messages)
            await eventually(lambda: scheduler.stats().started > 500)
        assert len(receiver.messages) == 1
        assert slow_disk
        assert threading.get_ident() not in slow_disk
        assert channel.board.open == ()
        assert scheduler.stats().overruns == 0
        assert max(beside) - max(without) < 0.04
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await scheduler.close()
