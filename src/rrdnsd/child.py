"""Runs a program as a child: bounded in time and in what it may write, and nothing of its process group is left behind.

asyncio's own subprocesses wait for whoever inherited the pipes; a pidfd tells the end of the child itself.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a program finds its own helpers, whatever the daemon was started with."""

_DRAINED_WITHIN = 0.25
"""Seconds for the rest of the output after the end: only a fork keeps the pipes open for longer."""

_TERM_GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL, and for a killed process to be gone."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is run: the program and its arguments (no shell), what it reads, and its whole environment.

    `timeout` is in seconds, None without one. The first `keep` bytes of each output are kept; after more than
    `most` the program is killed.
    """

    command: Sequence[str]
    text: bytes = b""
    env: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH, "LC_ALL": "C.UTF-8"}, repr=False)
    timeout: float | None = None
    keep: int = 64 * 1024
    most: int = 1024 * 1024
    folder: str = "/"


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: the exit status, or minus the signal; `flooded` if it was killed for writing too much."""

    status: int
    stdout: bytes
    stderr: bytes
    flooded: bool = False


async def run(job: Job) -> Ended:
    """Run a program to its end. What is left of its process group then is killed, also when this is cancelled.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it did not end in time. It was asked to (SIGTERM), and killed.

    """
    pipe = subprocess.PIPE
    # Started on the loop: vfork takes a millisecond, and a thread could not be cancelled.
    process = subprocess.Popen(  # noqa: ASYNC220 -- see above
        list(job.command),
        stdin=pipe, stdout=pipe, stderr=pipe,
        env=dict(job.env), cwd=job.folder, start_new_session=True, bufsize=0,
    )  # fmt: skip
    try:
        async with asyncio.timeout(job.timeout):
            return await _conversation(process, job)
    except TimeoutError:
        _signal_group(process, signal.SIGTERM)
        await _end_of(process)
        raise
    finally:
        for end in (process.stdin, process.stdout, process.stderr):
            if end:
                end.close()
        if process.returncode is None:
            _signal_group(process, signal.SIGKILL)
            await _end_of(process)
            process.poll()


async def _conversation(process: "subprocess.Popen[bytes]", job: Job) -> Ended:
    flooded = asyncio.Event()
    stdout, stderr = _Sink(job, flooded), _Sink(job, flooded)
    async with contextlib.AsyncExitStack() as stack:
        exited = await stack.enter_async_context(_exit_of(process))
        for pipe, sink in ((process.stdout, stdout), (process.stderr, stderr)):
            await stack.enter_async_context(_reading(pipe, sink))
        await stack.enter_async_context(_writing(process.stdin, job.text))
        await _first_of(exited, flooded)
        if not flooded.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAINED_WITHIN):
                    await stdout.closed.wait()
                    await stderr.closed.wait()
    _signal_group(process, signal.SIGKILL)
    return Ended(process.wait(), bytes(stdout.data), bytes(stderr.data), flooded.is_set())


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


class _Sink(asyncio.Protocol):
    """Keeps the beginning and reads on without keeping more, so that the writer never stands still."""

    def __init__(self, job: Job, flooded: asyncio.Event) -> None:
        self.data = bytearray()
        self.closed = asyncio.Event()
        self._job = job
        self._flooded = flooded
        self._total = 0

    def data_received(self, data: bytes) -> None:
        self._total += len(data)
        self.data += data[: self._job.keep - len(self.data)]
        if self._total > self._job.most:
            self._flooded.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.closed.set()


class _Source(asyncio.BaseProtocol):
    """Knows whether its transport has closed itself, all being written or nobody reading."""

    lost = False

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost = True


@contextlib.asynccontextmanager
async def _reading(pipe: IO[bytes] | None, sink: _Sink) -> AsyncIterator[None]:
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: sink, pipe)
    try:
        yield
    finally:
        transport.close()
        await asyncio.sleep(0)  # the transport closes its end in the loop's next turn


@contextlib.asynccontextmanager
async def _writing(pipe: IO[bytes] | None, text: bytes) -> AsyncIterator[None]:
    transport, source = await asyncio.get_running_loop().connect_write_pipe(_Source, pipe)
    transport.write(text)
    transport.write_eof()
    try:
        yield
    finally:
        if not source.lost:
            transport.abort()
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def _exit_of(process: "subprocess.Popen[bytes]") -> AsyncIterator[asyncio.Event]:
    """Give the event of the process's own end; its pipes may be held open by others for ever."""
    ended = asyncio.Event()
    loop, watched = asyncio.get_running_loop(), os.pidfd_open(process.pid)
    loop.add_reader(watched, ended.set)
    try:
        yield ended
    finally:
        loop.remove_reader(watched)
        os.close(watched)


async def _end_of(process: "subprocess.Popen[bytes]") -> None:
    """Wait a little for the end: a process that stands in the kernel ends when it can."""
    async with _exit_of(process) as ended:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TERM_GRACE):
                await ended.wait()


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Signal whoever is left of the group. Its leader must not be reaped yet: the number could be another's."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
