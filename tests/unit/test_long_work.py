import asyncio

import pytest

from rrdnsd.turns import Turns


@pytest.mark.parametrize(("takes", "rests"), [(0.001, 33), (0.002, 50), (0.003, 100), (0.5, 100)])
async def test_a_turn_is_three_milliseconds(takes, rests, monkeypatch):
    now, others = 0.0, 0

    async def count():
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    monkeypatch.setattr("rrdnsd.turns.pace.monotonic", lambda: now)
    turns = Turns()
    counting = asyncio.create_task(count())
    for _ in range(100):
        now += takes
        await turns.rest()
    counting.cancel()
    assert others == pytest.approx(rests, abs=1)
