"""Runs a program as a child whose whole process group ends with it, and takes no more of its output than is wanted.

asyncio's own subprocesses cost a thread each here, and their end waits for whoever inherited the pipes. A pidfd tells
the end of the child itself.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, NamedTuple

MOST_OUTPUT = 65_536
"""Bytes of output that are kept; what comes after is read and forgotten, so that the program does not stand still."""

FLOOD = 1_048_576
"""Bytes after which a program is ended: reading on would keep the event loop busy."""

_CHUNK = 65_536
_PATIENCE = 0.5


class Ended(NamedTuple):
    """How the program ended: its exit code (negative: the signal), what it wrote, and what to standard error.

    `flooded` if it was ended for writing more than `FLOOD`.
    """

    code: int
    output: bytes
    errors: bytes
    flooded: bool = False


class _Pipe:
    """Reads one pipe of the child as the event loop finds something in it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pipe: IO[bytes], stop: Callable[[], None]) -> None:
        self.data = b""
        self.total = 0
        self._loop = loop
        self._pipe = pipe
        self._fd = pipe.fileno()
        self._stop = stop
        os.set_blocking(self._fd, False)
        loop.add_reader(self._fd, self.read)

    def read(self) -> None:
        """Take what is there, up to a flood."""
        while self.total <= FLOOD:
            try:
                data = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._loop.remove_reader(self._fd)
                return
            self.total += len(data)
            self.data += data[: MOST_OUTPUT - len(self.data)]
        self._loop.remove_reader(self._fd)
        self._stop()

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        self._pipe.close()


async def run(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run the program to its end. Whatever else is left of its process group is killed, also on cancellation.

    Raises:
        OSError: it cannot be started.

    """
    loop = asyncio.get_running_loop()
    # Started on the loop: posix_spawn or vfork take a millisecond, and a thread could not be cancelled.
    child = Popen(  # noqa: ASYNC220 - see above
        command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
    )
    try:
        pidfd = os.pidfd_open(child.pid)
    except OSError:
        _end(child)
        raise
    enough = asyncio.Event()
    pipes = [_Pipe(loop, pipe, enough.set) for pipe in (child.stdout, child.stderr) if pipe]
    loop.add_reader(pidfd, enough.set)
    try:
        await enough.wait()
        for pipe in pipes:
            pipe.read()
        flooded = any(pipe.total > FLOOD for pipe in pipes)
        output, errors = (pipe.data for pipe in pipes)
        return Ended(_end(child), output, errors, flooded)
    finally:
        for pipe in pipes:
            pipe.close()
        await _buried(loop, child, pidfd)


def _end(child: "Popen[bytes]") -> int:
    """Kill what is left of the group, and reap; before that the number of the group cannot belong to another."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    return child.wait()


async def _buried(loop: asyncio.AbstractEventLoop, child: "Popen[bytes]", pidfd: int) -> None:
    """See that the child is killed and reaped; one that stands in the kernel is reaped when it can be."""
    dead = asyncio.Event()

    def reap() -> None:
        if child.poll() is not None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            dead.set()

    if child.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    loop.add_reader(pidfd, reap)
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await dead.wait()
