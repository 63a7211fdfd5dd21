"""What is written down, and what readers see of it."""

import asyncio

import pytest

from rrdnsd.control.reports import EventFilter
from rrdnsd.core.effects import Transition
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.daemon.control import chronicle as module
from rrdnsd.daemon.control.chronicle import Chronicle
from rrdnsd.daemon.control.pulse import Pulse
from rrdnsd.daemon.reports import Failed, Recovered
from support.names import NAME, ZONE
from support.stores import opened_store

NODE = "10.0.0.1:3333"


@pytest.fixture
async def store(tmp_path):
    async with opened_store(tmp_path) as made:
        yield made


async def texts(store):
    return [event.text for event in reversed(await store.events.query())]


async def begun(follower):
    """Let a follower get as far as waiting."""
    task = asyncio.ensure_future(anext(follower))
    for _ in range(100):
        await asyncio.sleep(0)
    return task


async def test_a_failure_is_told_once_for_each_cause(store):
    made = Chronicle(store.events, NODE)
    for reason in ("no answer", "no answer", "REFUSED"):
        made.see(Failed("ns1", ZONE, reason, 1.0))
    made.see(Recovered("ns1", ZONE, 3.0))
    made.see(Failed("ns1", ZONE, "REFUSED", 1.0))
    assert await texts(store) == [
        f"ns1, zone {ZONE}: no answer",
        f"ns1, zone {ZONE}: REFUSED",
        f"ns1, zone {ZONE}: works again after 3.0 s",
        f"ns1, zone {ZONE}: REFUSED",
    ]


async def test_a_transition_has_its_parts_as_details(store):
    made = Chronicle(store.events, NODE)
    made.see(Transition(EndpointKey(NAME, "192.0.2.1"), State.UP, State.DOWN, "down: timeout", 1.0))
    (event,) = await store.events.query()
    assert (event.kind, event.service, event.endpoint, event.node) == ("transition", NAME, "192.0.2.1", NODE)
    assert event.details == {"before": "up", "after": "down", "reason": "down: timeout"}


async def test_a_follower_sees_the_past_after_an_id_and_then_what_comes_each_once(store):
    made = Chronicle(store.events, NODE)
    made.note("start", "0")
    (first,) = await store.events.query()
    for number in range(1, 4):
        made.note("start", str(number))
    await store.events.flush()
    follower = made.follow(EventFilter(after_id=first.id))
    seen = [(await anext(follower)).text for _ in range(3)]
    waiting = await begun(follower)
    made.note("start", "4")
    assert [*seen, (await waiting).text] == ["1", "2", "3", "4"]
    await follower.aclose()


async def test_a_follower_gets_only_what_it_asked_for(store):
    made = Chronicle(store.events, NODE)
    waiting = await begun(made.follow(EventFilter(kinds=("stop",))))
    made.note("start", "no")
    made.note("stop", "yes")
    assert (await waiting).text == "yes"


async def test_a_slow_follower_is_cut_off_and_holds_up_nobody(store, monkeypatch):
    monkeypatch.setattr(module, "BEHIND", 10)
    made = Chronicle(store.events, NODE)
    slow = made.follow(EventFilter())
    waiting = await begun(slow)
    for number in range(30):
        made.note("start", str(number))
    assert (await waiting).text == "0"
    assert [event.text async for event in slow] == [str(number) for number in range(1, 10)]
    assert len(await store.events.query()) == 30


async def test_a_pulse_gathers_what_comes_together():
    pulse = Pulse(7)
    waiting = asyncio.ensure_future(pulse.changed(7))
    await asyncio.sleep(0)
    for _ in range(5):
        pulse.beat()
    assert await waiting == 12
    assert await asyncio.wait_for(pulse.changed(3), 5) == 12
