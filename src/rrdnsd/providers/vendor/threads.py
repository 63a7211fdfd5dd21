"""Runs a library that blocks in a thread of its own, and does not wait for one that never ends."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from rrdnsd.errors import ProviderError

T = TypeVar("T")

MOST_LOST = 4
"""Threads that may hang at the same time before nothing is tried any more."""


class Threads:
    """Starts daemon threads: unlike those of an executor they never hold up the end of the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._running = 0

    async def run(self, call: Callable[[], T], seconds: float) -> T:
        """Give what the call returns or raises.

        Raises:
            TimeoutError: it took longer; the thread goes on by itself and what it finds is dropped.
            ProviderError: too many earlier calls still hang.

        """
        if self._running >= MOST_LOST:
            raise ProviderError(
                f"{self._name}: {self._running} earlier calls hang; nothing is tried until one ends"
            )
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def finish(give: Callable[[], None]) -> None:
            self._running -= 1
            if not done.done():
                give()

        def work() -> None:
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 -- whatever it is, it belongs to the caller
                found = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
                give: Callable[[], None] = lambda: done.set_exception(found)  # noqa: E731 -- one of two
            else:
                give = lambda: done.set_result(result)  # noqa: E731 -- the other
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(finish, give)

        self._running += 1
        threading.Thread(target=work, name=f"rrdnsd {self._name}", daemon=True).start()
        async with asyncio.timeout(seconds):
            return await done
