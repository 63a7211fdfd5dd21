"""What takes long to make and many ask for: whoever may be shown the last one does not wait for the next."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rrdnsd.turns.pace import Readers, ReaderTurns

T = TypeVar("T")

LOOK = 0.02
"""Seconds after which somebody who waits asks again if he may be shown the last one now."""


@dataclass(slots=True)
class _Making(Generic[T]):
    """One that is made, or will be once the one before is; `begun` tells which."""

    pace: ReaderTurns
    task: "asyncio.Task[T]" = field(init=False)
    begun: bool = False


class Ahead(Generic[T]):
    """Makes one after the other, and keeps the last for `keep` seconds.

    `make` is given the last one, None if there is none, which it may return if it is still good. Those who ask while
    one is made share the next, for theirs shall be begun after they asked. What was begun is ended, though
    nobody may wait for it any more.
    """

    def __init__(
        self, make: Callable[[T | None, ReaderTurns], Awaitable[T]], readers: Readers, keep: float
    ) -> None:
        self._make = make
        self._readers = readers
        self._keep = keep
        self._makings: list[_Making[T]] = []
        self._last: T | None = None
        self._forgetting: asyncio.TimerHandle | None = None

    async def get(self, passes: Callable[[T], bool]) -> T:
        """Return the last one if it passes, at once or while the next is made; else the next."""
        if self._last is not None and passes(self._last):
            if not self._makings:
                self._begin()
            return self._last
        task = self._next(None).task
        while not task.done():
            await asyncio.wait([task], timeout=LOOK)
            if not task.done() and self._last is not None and passes(self._last):
                return self._last
        return task.result()

    async def newest(self, pace: ReaderTurns | None = None) -> T:
        """Return one of now; it is hurried for whoever is in a hurry, and made behind for what is made behind."""
        return await asyncio.shield(self._next(pace).task)

    def _next(self, pace: ReaderTurns | None) -> _Making[T]:
        """Return the one that begins from now on."""
        if not self._makings or self._makings[-1].begun:
            self._begin()
        for making in self._makings:
            if pace is None:
                making.pace.hurry()
            else:
                pace.need(making.pace)
        return self._makings[-1]

    def _begin(self) -> None:
        making = _Making[T](self._readers.behind())
        before = [earlier.task for earlier in self._makings]
        making.task = asyncio.create_task(self._made(making, before))
        making.task.add_done_callback(_seen)
        self._makings.append(making)

    async def _made(self, making: _Making[T], before: "list[asyncio.Task[T]]") -> T:
        try:
            if before:
                await asyncio.wait(before)
            making.begun = True
            made = await self._make(self._last, making.pace)
        finally:
            self._makings.remove(making)
        if made is not self._last:
            self._last = made
            if self._forgetting:
                self._forgetting.cancel()
            self._forgetting = asyncio.get_running_loop().call_later(self._keep, self._forget)
        return made

    def _forget(self) -> None:
        self._last = None


def _seen(task: "asyncio.Task[T]") -> None:
    """Take note of an error, if there is one: whoever asks next meets it himself."""
    if not task.cancelled():
        task.exception()
