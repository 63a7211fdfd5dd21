"""Tells readers that something they are shown has changed, so often at most that a busy hour cannot flood them."""

import asyncio

AT_MOST_EVERY = 0.2
"""Least seconds between two answers to one reader."""


class Pulse:
    """A revision that grows with each change. `first` should be larger than any of the process before."""

    def __init__(self, first: int) -> None:
        self.revision = first
        self._waiting: set[asyncio.Future[None]] = set()

    def beat(self) -> None:
        """Note a change."""
        self.revision += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def changed(self, revision: int) -> int:
        """Wait until the revision is another than this one, gather what comes right after, and return it."""
        while self.revision == revision:
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)
        await asyncio.sleep(AT_MOST_EVERY)
        return self.revision
