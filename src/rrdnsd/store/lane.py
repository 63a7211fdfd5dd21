"""One thread that does one thing after the other, for coroutines that must not wait for a disk themselves."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from rrdnsd.errors import StoreError

T = TypeVar("T")


class Lane:
    """A thread with a queue of at most `most` things to do.

    A daemon thread: a disk that hangs must not keep the process from ending, as the standard executor would.
    """

    def __init__(self, name: str, most: int) -> None:
        self._most = most
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._began: float | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], T], seconds: float) -> T:
        """Let the thread do it, and return or raise what it did.

        Raises:
            StoreError: too much is waiting already, or it took longer than `seconds`.

        """
        if self._jobs.qsize() >= self._most:
            raise StoreError(f"the store is too slow: {self._most} requests are waiting for the disk already")
        future: Future[T] = Future()
        self._jobs.put(lambda: _fulfil(future, work))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise StoreError(
                f"the disk did not answer within {seconds:g} s; look if the change was made before trying again"
            ) from None

    @property
    def stuck(self) -> float:
        """For how many seconds the thread has been at what it does now; 0 if it has nothing to do."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    @property
    def waiting(self) -> int:
        """How much there is to do after what it does now."""
        return self._jobs.qsize()

    def stop(self) -> None:
        """Let the thread end after what is waiting."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._began = time.monotonic()
            job()
            self._began = None


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 -- whatever it is, it belongs to the one who waits for it
        future.set_exception(error)
