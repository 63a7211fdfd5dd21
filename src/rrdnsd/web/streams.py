"""Server-sent events (HTML standard, 9.2): what happens, as it happens, until the listener or the server goes."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from logging import getLogger

from fastapi import Response
from fastapi.responses import StreamingResponse

from rrdnsd.control.base import Control
from rrdnsd.control.reports import EventFilter
from rrdnsd.web.answers import as_json
from rrdnsd.web.problems import refusal

log = getLogger(__name__)

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE_SECONDS = 15.0
"""How often a silent stream says that it is alive, so that proxies between do not close it."""
RETRY_MS = 2000
LEAST_SECONDS_BETWEEN = 0.25
"""Changes that follow each other faster are told as one."""
_AHEAD = 32
MANY_AHEAD = 256
"""So many events are told in one turn: on a busy event loop a thousand of them would else take dozens."""


@dataclass(slots=True)
class Streams:
    """All streams that are open, of which there may be `most`; `end` lets them end at once, `renew` begin anew."""

    most: int = 100
    count: int = 0
    keep_alive: float = KEEP_ALIVE_SECONDS
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        """End all streams, and those that would begin."""
        self._ended.set()

    def renew(self) -> None:
        """End those that are open: who listened comes again by itself, if it may still listen."""
        if not self._ended.is_set():
            self._ended.set()
            self._ended = asyncio.Event()

    def answer(self, source: AsyncGenerator[str | bytes, None], ahead: int = _AHEAD) -> Response:
        """Return what a source says as an answer; it may say so many things before the first of them is taken."""
        if self.count >= self.most:
            sentence = f"{self.most} streams are open already, as many as there may be"
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, sentence, headers={"Retry-After": "10"})
        # nginx would otherwise hold the events back until its buffer is full.
        return StreamingResponse(
            self._flow(source, ahead), media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"}
        )

    async def _flow(
        self, source: AsyncGenerator[str | bytes, None], ahead: int = _AHEAD
    ) -> AsyncIterator[str | bytes]:
        if self.count >= self.most:
            return  # It came at once with others: none of them had begun when it was let in.
        queue: asyncio.Queue[str | bytes] = asyncio.Queue(ahead)
        # A task of its own closes the source, also when this one is cancelled and may wait for nothing more.
        pump = asyncio.create_task(_pump(source, queue))
        ending = asyncio.create_task(self._ended.wait())
        self.count += 1
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            while not (pump.done() or ending.done()):
                next_one = asyncio.ensure_future(queue.get())
                await asyncio.wait(
                    {next_one, pump, ending}, timeout=self.keep_alive, return_when=asyncio.FIRST_COMPLETED
                )
                if next_one.done():
                    # A thousand events at once cost a tenth of the time when those that wait go out together.
                    yield _joined([next_one.result(), *(queue.get_nowait() for _ in range(queue.qsize()))])
                    continue
                next_one.cancel()
                yield b": still here\n\n"
        finally:
            self.count -= 1
            pump.cancel()
            ending.cancel()


def _joined(items: Sequence[str | bytes]) -> bytes:
    return b"".join(item.encode() if isinstance(item, str) else item for item in items)


async def _pump(source: AsyncGenerator[str | bytes, None], queue: asyncio.Queue[str | bytes]) -> None:
    try:
        async with aclosing(source):
            async for item in source:
                await queue.put(item)
    except Exception:
        log.exception("[api] bug in a stream")


async def events(control: Control, wanted: EventFilter) -> AsyncGenerator[str | bytes, None]:
    """Tell each event as it happens."""
    async for event in control.follow(wanted):
        yield _message("event", event.id, as_json(event).decode())


async def changes(control: Control, tell: Callable[[int], None]) -> AsyncGenerator[str | bytes, None]:
    """Tell the revision of the status, at once and whenever it grows; each of them is told to `tell` as well."""
    revision = control.revision
    while True:
        tell(revision)
        yield _message("changed", revision, json.dumps({"revision": revision}))
        await asyncio.sleep(LEAST_SECONDS_BETWEEN)
        revision = await control.changed(revision)


def _message(name: str, number: int, data: str) -> bytes:
    """Write one event; JSON has no line breaks, which would end the data early."""
    return f"id: {number}\nevent: {name}\ndata: {data}\n\n".encode()
