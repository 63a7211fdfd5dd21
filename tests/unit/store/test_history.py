"""From probe results to uptime and percentiles."""

import pytest

from rrdnsd.core.model import EndpointKey, ProbeResult, State, Timings
from rrdnsd.store import history as module
from rrdnsd.store.histogram import ERROR
from rrdnsd.store.history import HOUR, MINUTE, insert
from rrdnsd.store.recorder import Harvest
from support.stores import Clock, opened_store

KEY = EndpointKey("www.example.org", "192.0.2.1")
OTHER = EndpointKey("www.example.org", "192.0.2.2")
START = 1_800_000_000


def good(seconds=0.01):
    return ProbeResult(True, "", Timings(seconds))


BAD = ProbeResult(False, "connection refused", Timings(0.001))


async def put(store, at, key=KEY, codes=b"\x10" * 4, up=60.0, known=60.0):
    await store.database.write(lambda c: insert([Harvest(key, codes, up, known)], at, c))


async def test_a_minute_of_probes_becomes_percentiles_and_uptime():
    clock = Clock(START)
    async with opened_store(None, clock=clock) as store:
        for number in range(100):
            store.recorder.note([(KEY, good((number + 1) / 1000)), (OTHER, BAD)])
        await store._flush_history(clock.now)
        found = await store.history.latency(START, START + 60, step=MINUTE)
        (latency,) = found[KEY]
        assert (latency.start, latency.seconds, latency.count) == (START, 60, 100)
        assert latency.p50 == pytest.approx(0.050, rel=ERROR)
        assert latency.p90 == pytest.approx(0.090, rel=ERROR)
        assert latency.p99 == pytest.approx(0.099, rel=ERROR)
        (none,) = found[OTHER]
        assert (none.count, none.p50) == (0, None)
        (uptime,) = (
            await store.history.uptime(START, START + 60, service=OTHER.service, endpoint=OTHER.address)
        )[OTHER]
        assert (uptime.probes, uptime.failures, uptime.share) == (100, 100, None)


async def test_minutes_add_up_to_hours_and_hours_to_days():
    async with opened_store(None) as store:
        day = START // 86400 * 86400
        for minute in range(180):
            await put(store, day + minute * 60, up=60.0 if minute >= 60 else 30.0)
        hours = (await store.history.uptime(day, day + 86400))[KEY]
        assert [(span.start - day, span.share, span.probes) for span in hours] == [
            (0, 0.5, 240),
            (3600, 1.0, 240),
            (7200, 1.0, 240),
        ]
        (whole,) = (await store.history.uptime(day, day + 86400, step=86400))[KEY]
        assert (whole.start, whole.up, whole.known) == (day, 9000, 10800)
        quarters = (await store.history.spans(day, day + 3600, step=900))[KEY]
        assert [span.probes for span in quarters] == [60] * 4
        (latency,) = (await store.history.latency(day, day + 86400, step=86400))[KEY]
        assert latency.count == 720


async def test_the_same_minute_is_added_to_after_a_restart(tmp_path):
    for _ in range(2):
        async with opened_store(tmp_path) as store:
            await put(store, START)
    async with opened_store(tmp_path) as store:
        (span,) = (await store.history.spans(START, START + 60, step=MINUTE))[KEY]
        assert (span.probes, span.up, span.latency) == (8, 120, {16: 8})


async def test_filters_and_limits(monkeypatch):
    async with opened_store(None) as store:
        assert await store.history.spans(0, START) == {}
        for minute in range(5):
            await put(store, START + minute * 60)
        await put(store, START + 60, OTHER)
        ask = store.history.spans
        assert set(await ask(0, 2**40, step=MINUTE)) == {KEY, OTHER}
        assert set(await ask(0, 2**40, step=MINUTE, endpoint=OTHER.address)) == {OTHER}
        assert await ask(0, 2**40, step=MINUTE, service="other.example.org") == {}
        some = await ask(START + 90, START + 180, step=MINUTE, endpoint=KEY.address)
        assert [span.start - START for span in some[KEY]] == [60, 120]
        monkeypatch.setattr(module, "MOST_SPANS", 2)
        assert len((await ask(0, 2**40, step=MINUTE))[KEY]) <= 3
        with pytest.raises(ValueError, match="not a multiple"):
            await ask(0, 1, step=90)


async def test_uptime_follows_verdicts_not_probes():
    clock = Clock(START)
    async with opened_store(None, clock=clock) as store:
        store.recorder._monotonic = clock
        store.recorder.verdict(KEY, State.UP)
        clock.now += 45
        store.recorder.verdict(KEY, State.DOWN)
        store.recorder.note([(KEY, good())])
        clock.now += 15
        await store._flush_history(START)
        (uptime,) = (await store.history.uptime(START, START + HOUR))[KEY]
        assert uptime.share == 0.75
