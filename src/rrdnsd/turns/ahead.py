"""What takes long to make and many ask for: whoever may be shown the last one does not wait for the next."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from rrdnsd.turns.pace import Readers, ReaderTurns

T = TypeVar("T")

LOOK = 0.01
"""Seconds after which somebody who waits asks again if he may be shown the last one now."""


class Ahead(Generic[T]):
    """Makes one after the other, and keeps the last for `keep` seconds.

    `make` is given the last one, None if there is none, which it may return if it is still good.
    """

    def __init__(
        self, make: Callable[[T | None, ReaderTurns], Awaitable[T]], readers: Readers, keep: float
    ) -> None:
        self._make = make
        self._readers = readers
        self._keep = keep
        self._one = asyncio.Lock()
        self._pace: ReaderTurns | None = None
        self._last: T | None = None
        self._behind: asyncio.Task[T] | None = None

    async def get(self, passes: Callable[[T], bool]) -> T:
        """Return the last one if it passes, at once or while the next is made; else the next."""
        last = self._last
        if last is None:
            return await self.newest()
        if passes(last):
            self._go_on(self._behind or asyncio.create_task(self._made(self._readers.behind())))
            return last
        task = asyncio.create_task(self.newest())
        try:
            while not task.done():
                await asyncio.wait([task], timeout=LOOK)
                last = self._last
                if not task.done() and last is not None and passes(last):
                    self._go_on(self._behind or task)
                    return last
            return task.result()
        finally:
            if task is not self._behind:
                task.cancel()

    async def newest(self) -> T:
        """Return one of now, served in the order in which readers come."""
        if self._pace:
            self._pace.hurry()
        return await self._made(self._readers.turns())

    async def _made(self, pace: ReaderTurns) -> T:
        async with self._one:
            self._pace = pace
            try:
                made = await self._make(self._last, pace)
            finally:
                self._pace = None
            if made is not self._last:
                self._last = made
                asyncio.get_running_loop().call_later(self._keep, self._forget, made)
            return made

    def _go_on(self, task: "asyncio.Task[T]") -> None:
        if task is not self._behind:
            self._behind = task
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[T]") -> None:
        self._behind = None
        if not task.cancelled():
            task.exception()  # whoever waits for the next one meets it himself

    def _forget(self, made: T) -> None:
        if self._last is made:
            self._last = None
