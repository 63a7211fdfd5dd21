"""Parts have versions, and only what changed is told and sent."""

import asyncio
import itertools
import json
import re
import tracemalloc
from dataclasses import replace

import pytest

from rrdnsd.turns import Readers
from rrdnsd.web.dashboard import live
from rrdnsd.web.dashboard.board import Board
from rrdnsd.web.dashboard.live import Scope, follow
from rrdnsd.web.dashboard.printing import WHOLE
from support.board import BoardControl, dashboard, get
from support.control import API, MAIL, NOW, WEB
from support.idle import until_idle


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def control():
    return BoardControl()


@pytest.fixture
def board(control):
    return Board(control, Clock(), Readers())


async def changes(board, do):
    before = (await board.view()).versions
    do()
    after = (await board.view()).versions
    return {part for part in before.keys() | after.keys() if before.get(part) != after.get(part)}


def change(control, fqdn, **what):
    control.services = [
        replace(s, endpoints=[replace(e, **what) for e in s.endpoints]) if s.fqdn == fqdn else s
        for s in control.services
    ]
    control.touch()


async def test_nothing_has_changed(board, control):
    assert await changes(board, lambda: None) == set()


async def test_latency_and_looks_are_no_change(board, control):
    assert await changes(board, lambda: change(control, WEB, latency_ms=1.0, probe="200 OK in 1 ms")) == set()


async def test_a_verdict_changes_its_service_and_the_head(board, control):
    assert await changes(board, lambda: change(control, MAIL, state="down")) == {f"s:{MAIL}", "head"}


async def test_a_reason_changes_its_service_only(board, control):
    assert await changes(board, lambda: change(control, MAIL, reason="another")) == {f"s:{MAIL}"}


async def test_an_event_changes_the_list(board, control):
    assert await changes(board, lambda: control.happen("order", "something")) == {"events"}


async def test_a_service_that_goes(board, control):
    assert await changes(board, lambda: control.services.pop(0)) == {f"s:{WEB}", "head"}


async def test_versions_of_two_runs_differ(control):
    first, second = (
        await Board(control, Clock(), Readers()).view(),
        await Board(control, Clock(), Readers()).view(),
    )
    assert not set(first.versions.values()) & set(second.versions.values())


async def test_a_view_serves_many(control):
    board = Board(control, lambda: 5.0, Readers())
    views = await asyncio.gather(*(board.view() for _ in range(50)))
    assert len({id(view) for view in views}) == 1
    assert control.histories == 2


async def test_a_page_takes_the_last_view_if_that_passes_and_a_stream_never_does(control, monkeypatch):
    now = 0.0
    board = Board(control, lambda: now, Readers())
    last = await board.view()
    now = 0.5
    monkeypatch.setattr(control, "passes", lambda report: report is last.status)
    assert await board.view() is last
    following = follow(board, Scope())
    await told(following)
    await following.aclose()
    assert await board.view() is not last


async def test_history_is_asked_once_a_minute(control):
    times = [0.0]
    board = Board(control, lambda: times[-1], Readers())
    for at, asked in ((1.0, 2), (59.0, 2), (62.0, 4), (63.0, 4)):
        times.append(at)
        await board.view()
        await until_idle()
        assert control.histories == asked


async def test_many_endpoints_are_asked_by_the_hour_only():
    control = BoardControl(services=100, endpoints=3)
    await Board(control, Clock(), Readers()).view()
    assert control.histories == 1


async def test_a_slow_history_does_not_hold_up_the_page(control):
    async def slow(*_args, **_more):
        await asyncio.sleep(3600)

    control.history = slow
    async with asyncio.timeout(5):
        answer = await get(dashboard(control), "/dash")
    assert WEB.encode() in answer.body


async def told(stream):
    line = await asyncio.wait_for(anext(stream), 10)
    assert line.startswith("data: ")
    assert line.endswith("\n\n")
    return json.loads(line[6:])


async def test_a_stream_tells_everything_and_then_changes(board, control, monkeypatch):
    monkeypatch.setattr(live, "BREATH_SECONDS", 0.0)
    stream = follow(board, Scope())
    first = await told(stream)
    assert set(first["versions"]) == {
        "head",
        "orders",
        "nodes",
        "events",
        *(f"s:{s}" for s in (WEB, API, MAIL)),
    }
    assert first["latency"][f"{WEB} 192.0.2.1"] == 12.4
    assert f"{WEB} 192.0.2.2" not in first["latency"]
    assert abs(first["now"] - NOW) < 60
    change(control, MAIL, state="down", latency_ms=99.0)
    second = await told(stream)
    assert set(second["versions"]) == {f"s:{MAIL}", "head"}
    assert second["latency"] == {f"{MAIL} 203.0.113.1": 99.0, f"{MAIL} 203.0.113.2": 99.0}
    control.services.pop(0)
    control.touch()
    assert f"s:{WEB}" in (await told(stream))["gone"]
    await stream.aclose()


async def test_a_stream_says_something_even_if_nothing_happens(board, monkeypatch):
    monkeypatch.setattr(live, "PULSE_SECONDS", 0.01)
    monkeypatch.setattr(live, "BREATH_SECONDS", 0.0)
    stream = follow(board, Scope())
    await told(stream)
    assert (await told(stream))["versions"] == {}
    await stream.aclose()


async def test_a_stream_of_one_service(board):
    stream = follow(board, Scope(service=WEB))
    first = await told(stream)
    assert set(first["versions"]) == {"flags", f"w:{WEB}", f"x:{WEB}"}
    assert {key.split()[0] for key in first["latency"]} == {WEB}
    await stream.aclose()


async def test_polling_tells_the_same(control):
    answer = await get(dashboard(control), f"/dash/versions?q={MAIL}")
    assert set(answer.json["versions"]) == {"head", "orders", "nodes", "events", f"s:{MAIL}"}


async def test_parts_carry_the_versions_that_were_told(control):
    app = dashboard(control)
    versions = (await get(app, "/dash/versions")).json["versions"]
    query = "&".join(f"p={name}" for name in [*versions, "s:gone.example.org", "nonsense"])
    body = (await get(app, f"/dash/parts?{query}")).body.decode()
    for name, version in versions.items():
        assert f'data-part="{name}" data-v="{version}"' in body
    assert "gone.example.org" not in body


async def test_too_many_parts_are_refused(control):
    query = "&".join(["p=head"] * 61)
    assert (await get(dashboard(control), f"/dash/parts?{query}")).status == 422


@pytest.fixture
def thousand():
    return BoardControl(services=334, endpoints=3)


async def test_a_thousand_endpoints_have_a_bounded_page(thousand):
    app = dashboard(thousand)
    plain = await get(app, "/dash")
    assert plain.body.count(b'<li class="tile') > 990
    assert len(plain.body) < 2_400_000
    packed = await get(app, "/dash", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < 300_000


async def test_what_is_far_down_a_page_is_in_brief_until_it_is_fetched(thousand):
    """A brief service has no version, so a script that compares versions finds it old."""
    app = dashboard(thousand)
    page = (await get(app, "/dash")).body.decode()
    services = re.findall(r'<article class="service.*?</article>', page, re.DOTALL)
    versions = [re.search('data-v="(.*?)"', service)[1] for service in services]
    assert len(services) == 334
    assert all(versions[:WHOLE])
    assert not any(versions[WHOLE:])
    name = re.search('data-part="(.*?)"', services[-1])[1]
    whole = (await get(app, f"/dash/parts?p={name}")).body.decode()
    assert re.search('data-v="(.*?)"', whole)[1]
    for address in re.findall('data-at="(.*?)"', services[-1]):
        assert address in whole


async def test_rendering_a_thousand_endpoints_lets_others_run(thousand, monkeypatch):
    """No turn of the event loop is long: the probes go on meanwhile.

    Here each look at the clock takes a millisecond; it is looked at for each service that is shown whole, and for many in brief.
    """
    monkeypatch.setattr("rrdnsd.turns.pace.monotonic", map((0.001).__mul__, itertools.count()).__next__)
    app = dashboard(thousand)
    await get(app, "/dash?q=nothing-like-it")
    turns, stop = 0, asyncio.Event()

    async def count():
        nonlocal turns
        while not stop.is_set():
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await get(app, "/dash")
    stop.set()
    await counting
    assert turns >= (WHOLE + (334 - WHOLE) // 50) // 4


async def test_templates_are_not_loaded_before_they_are_needed(control):
    """Cheap to add: jinja2 and all that comes with it is the first reader's affair."""
    tracemalloc.start()
    try:
        dashboard(control)
        taken = sum(
            trace.size
            for trace in tracemalloc.take_snapshot()
            .filter_traces([tracemalloc.Filter(inclusive=True, filename_pattern="*jinja2*")])
            .traces
        )
    finally:
        tracemalloc.stop()
    assert taken == 0
