"""Runs of probes, written and not yet written."""

import pytest

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.store.runs import Run
from support.stores import Clock, opened_store

KEY = EndpointKey("www.example.org", "192.0.2.1")
OTHER = EndpointKey("api.example.org", "192.0.2.2")


def result(*, ok):
    return ProbeResult(ok, "" if ok else "connection refused", Timings(0.01))


async def test_written_and_unwritten_runs_are_told_as_one_list(tmp_path):
    clock = Clock()
    start = clock.now
    async with opened_store(tmp_path, clock=clock) as store:
        for key, ok in [(KEY, True), (KEY, False), (OTHER, True), (KEY, True)]:
            store.recorder.note([(key, result(ok=ok))])
            clock.now += 10
        expected = (
            Run(OTHER, start + 20, start + 20, True, 1),
            Run(KEY, start, start, True, 1),
            Run(KEY, start + 10, start + 10, False, 1, "connection refused"),
            Run(KEY, start + 30, start + 30, True, 1),
        )
        assert await store.runs.query() == expected
        await store._flush_history(clock.now)
        assert await store.runs.query() == expected
    async with opened_store(tmp_path, clock=clock) as store:
        assert await store.runs.query() == expected
        assert await store.runs.query(service="api.example.org") == expected[:1]
        assert await store.runs.query(endpoint="192.0.2.1", since=start + 5) == expected[2:]
        assert await store.runs.query(until=start + 10) == expected[1:2]
        assert await store.runs.query(limit=2) == (expected[0], expected[3])


def test_a_run_spreads_its_probes_evenly():
    assert list(Run(KEY, 100.0, 110.0, True, 3).probes()) == [100, 105, 110]
    assert list(Run(KEY, 100.0, 100.0, True, 1).probes()) == [100]
    assert list(Run(KEY, 0.0, 1.0, False, 2).probes()) == pytest.approx([0, 1])
