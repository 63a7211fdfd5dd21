import asyncio
import json

import pytest

from rrdnsd.control.reports import EventFilter
from rrdnsd.web import streams
from rrdnsd.web.app import streams_of
from rrdnsd.web.streams import Streams
from support.asgi import scope_of


class Listener:
    """Reads a stream of an application as a browser does, and may go away."""

    def __init__(self, app, target, headers=None):
        self._gone = asyncio.Event()
        self._parts = asyncio.Queue()
        self.status = None
        self.sendings = 0
        self._task = asyncio.create_task(app(scope_of("GET", target, headers), self._receive, self._send))

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message.get("body"):
            self.sendings += 1
            for part in message["body"].decode().split("\n\n")[:-1]:  # what happens at once is sent together
                await self._parts.put(f"{part}\n\n")

    async def next(self):
        return await asyncio.wait_for(self._parts.get(), 10)

    async def event(self):
        while True:
            part = await self.next()
            if part.startswith("id: "):
                lines = dict(line.split(": ", 1) for line in part.strip().splitlines())
                return int(lines["id"]), lines["event"], json.loads(lines["data"])

    async def ended(self):
        await asyncio.wait_for(self._task, 10)

    async def leave(self):
        self._gone.set()
        await self.ended()


async def test_events_come_as_they_happen(site):
    listener = Listener(site.app, "/api/v1/events/stream")
    assert await listener.next() == "retry: 2000\n\n"
    await asyncio.sleep(0)
    made = site.control.happen("transition", "it is down\nsince now")
    number, name, data = await listener.event()
    assert (number, name, data["text"]) == (made.id, "event", "it is down\nsince now")
    await listener.leave()


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/api/v1/events/stream", {"last-event-id": "4"}),
        ("/api/v1/events/stream?after=4", {}),
        ("/api/v1/events/stream?after=1", {"last-event-id": "4"}),
    ],
)
async def test_a_listener_that_comes_back_misses_nothing(site, target, headers):
    listener = Listener(site.app, target, headers)
    assert [(await listener.event())[0] for _ in range(2)] == [5, 6]
    await listener.leave()


@pytest.mark.parametrize("last", ["", "x", "-1", "9" * 400, "²"])
async def test_a_last_event_id_that_makes_no_sense_is_none(site, last):
    listener = Listener(site.app, "/api/v1/events/stream", {"last-event-id": last})
    await listener.next()
    await asyncio.sleep(0)
    made = site.control.happen("transition", "x")
    assert (await listener.event())[0] == made.id
    await listener.leave()


async def test_events_are_filtered(site):
    listener = Listener(site.app, "/api/v1/events/stream?after=0&kind=write")
    assert [(await listener.event())[2]["kind"] for _ in range(2)] == ["write", "write"]
    await listener.leave()


async def test_the_revision_is_told_at_once_and_when_it_grows(site):
    listener = Listener(site.app, "/api/v1/status/stream")
    assert await listener.event() == (1, "changed", {"revision": 1})
    for _ in range(5):
        site.control.touch()
    assert (await listener.event())[2] == {"revision": 6}
    await listener.leave()


async def test_a_silent_stream_says_that_it_is_alive(site):
    streams_of(site.app).keep_alive = 0.01
    listener = Listener(site.app, "/api/v1/events/stream")
    await listener.next()
    assert await listener.next() == ": still here\n\n"
    await listener.leave()


async def test_streams_end_with_the_server(site):
    listeners = [Listener(site.app, "/api/v1/events/stream") for _ in range(5)]
    for listener in listeners:
        await listener.next()
    assert streams_of(site.app).count == 5
    streams_of(site.app).end()
    for listener in listeners:
        await listener.ended()
    assert streams_of(site.app).count == 0


async def test_streams_that_are_renewed_end_and_others_may_begin(site):
    first = Listener(site.app, "/api/v1/events/stream")
    await first.next()
    streams_of(site.app).renew()
    await first.ended()
    second = Listener(site.app, "/api/v1/events/stream")
    await second.next()
    assert streams_of(site.app).count == 1
    await second.leave()


async def test_there_are_not_more_streams_than_there_may_be(site):
    streams_of(site.app).most = 1
    first = Listener(site.app, "/api/v1/status/stream")
    await first.next()
    second = Listener(site.app, "/api/v1/status/stream")
    await second.ended()
    assert second.status == 503
    await first.leave()
    third = Listener(site.app, "/api/v1/status/stream")
    await third.next()
    assert third.status == 200
    await third.leave()


async def test_streams_that_begin_together_are_not_more_than_there_may_be(site):
    streams_of(site.app).most = 2
    together = [Listener(site.app, "/api/v1/status/stream") for _ in range(5)]
    for listener in together[2:]:
        await listener.ended()
    assert streams_of(site.app).count == 2
    for listener in together[:2]:
        assert (await listener.event())[1] == "changed"
        await listener.leave()
    assert streams_of(site.app).count == 0


async def test_the_source_is_closed_when_the_listener_goes():
    closed = asyncio.Event()

    async def source():
        try:
            yield b"id: 1\n\n"
            await asyncio.Event().wait()
        finally:
            closed.set()

    flow = Streams()._flow(source())
    await anext(flow)
    assert await anext(flow) == b"id: 1\n\n"
    await flow.aclose()
    await asyncio.wait_for(closed.wait(), 10)


async def test_a_bug_in_a_source_ends_its_stream_and_is_logged(caplog):
    async def source():
        yield b"id: 1\n\n"
        raise RuntimeError("bug")

    told = [part async for part in Streams()._flow(source())]
    assert told == [b"retry: 2000\n\n", b"id: 1\n\n"]
    assert "[api] bug in a stream" in caplog.text


async def test_a_listener_that_does_not_read_holds_back_its_own_stream_only(site):
    made = 0

    async def source():
        nonlocal made
        while True:
            made += 1
            yield b"id: 1\n\n"

    flow = Streams()._flow(source())
    await anext(flow)
    for _ in range(200):
        await asyncio.sleep(0)
    assert made < 50
    await flow.aclose()


async def test_what_happens_at_once_is_sent_together():
    async def source():
        for number in range(20):
            yield f"id: {number}\n\n"
        await asyncio.Event().wait()

    flow = Streams()._flow(source())
    await anext(flow)
    pieces = [await anext(flow)]
    while not pieces[-1].endswith(b"id: 19\n\n"):
        pieces.append(await anext(flow))
    await flow.aclose()
    assert b"".join(pieces) == b"".join(b"id: %d\n\n" % number for number in range(20))
    assert len(pieces) < 5


async def test_hundreds_of_events_are_told_in_few_turns_of_the_event_loop(site):
    listener = Listener(site.app, "/api/v1/events/stream")
    assert await listener.next() == "retry: 2000\n\n"
    await asyncio.sleep(0)
    for number in range(400):
        site.control.happen("transition", f"event {number}")
    told = [(await listener.event())[2]["text"] for _ in range(400)]
    await listener.leave()
    assert told == [f"event {number}" for number in range(400)]
    assert listener.sendings < 8


async def test_events_are_json_on_one_line(site):
    async for part in streams.events(site.control, EventFilter(after_id=0)):
        assert part.count(b"\n") == 4
        break
