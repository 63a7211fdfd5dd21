"""What waits to be delivered: bounded, oldest dropped first, in files that outlive the process where there is a folder."""

import asyncio
import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

MOST_BYTES = 8 * 1024 * 1024
"""Bytes that wait for one notifier at most, besides the limit of messages."""

_SUFFIX = ".json"
_TOLD_EVERY = 100


@dataclass(frozen=True, slots=True)
class _Waiting:
    size: int
    body: bytes | None
    """None: it is in its file."""


class Queue:
    """The queue of one notifier. `tell` is called with a sentence when the disk begins to fail.

    A message that the disk does not take waits in memory. Files are named by a number that grows.
    """

    def __init__(self, folder: Path | None, most: int, tell: Callable[[str], None]) -> None:
        self.dropped = 0
        """How many messages made room for newer ones, or were damaged on disk."""
        self._folder = folder
        self.most = most
        """How many messages may wait."""
        self._tell = tell
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._bytes = 0
        self._number = 0
        self._trouble = ""

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)

    async def open(self) -> None:
        """Find what an earlier process left."""
        if self._folder is None:
            return
        for number, size in await self._on_disk(_found, self._folder) or ():
            self._waiting[number] = _Waiting(size, None)
            self._bytes += size
            self._number = max(self._number, number)
        await self._make_room()

    def numbers(self) -> list[int]:
        """Return the numbers of what waits, the oldest first."""
        return list(self._waiting)

    async def put(self, body: bytes) -> int:
        """Add a message and return its number."""
        self._number += 1
        number = self._number
        kept: bytes | None = body
        if self._folder and await self._on_disk(write_whole, self._path(number), body) is True:
            kept = None
        self._waiting[number] = _Waiting(len(body), kept)
        self._bytes += len(body)
        await self._make_room()
        return number

    def first(self) -> int | None:
        """Return the number of the oldest, None if nothing waits."""
        return next(iter(self._waiting), None)

    async def read(self, number: int) -> bytes | None:
        """Return a message; None, and it is gone, if its file cannot be read."""
        waiting = self._waiting.get(number)
        if waiting is None:
            return None
        if waiting.body is not None:
            return waiting.body
        body = await self._on_disk(Path.read_bytes, self._path(number))
        if body is None:
            await self.drop(number)
        return body

    async def drop(self, number: int) -> None:
        """Let a message go that was not delivered."""
        if number in self._waiting:
            self.dropped += 1
            await self.remove(number)

    async def remove(self, number: int) -> None:
        """Let a message go."""
        waiting = self._waiting.pop(number, None)
        if waiting:
            self._bytes -= waiting.size
            if waiting.body is None:
                await self._on_disk(_unlink, self._path(number))

    async def _make_room(self) -> None:
        while len(self._waiting) > self.most or (self._bytes > MOST_BYTES and len(self._waiting) > 1):
            await self.drop(next(iter(self._waiting)))
            if self.dropped % _TOLD_EVERY == 1:
                self._tell(f"the queue is full: the oldest messages make room, {self.dropped} so far")

    def _path(self, number: int) -> Path:
        return (self._folder or Path()) / f"{number:012}{_SUFFIX}"

    async def _on_disk(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Do it in a thread; None if the disk fails, which is told once."""
        try:
            result = await asyncio.to_thread(work, *args, **kwargs)
        except OSError as error:
            why = error.strerror or str(error)
            if why != self._trouble:
                self._trouble = why
                self._tell(f"the queue in {self._folder} fails: {why}; what it does not take waits in memory")
            return None
        self._trouble = ""
        return result


def write_whole(path: Path, body: bytes) -> bool:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile; blocks.

    Raises:
        OSError: it is not there.

    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    return True


def _found(folder: Path) -> list[tuple[int, int]]:
    if not folder.is_dir():
        return []
    files = [path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdigit()]
    return sorted((int(path.stem), path.stat().st_size) for path in files)


def _unlink(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return True
