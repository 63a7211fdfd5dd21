"""Runs a program for a provider: bounded in time and in what it may print, and nothing of it is left behind.

The program leads a process group of its own, so what it forks is ended with it; a fork that holds its output
open is not waited for.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from rrdnsd.errors import ProviderError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a program finds its own helpers, whatever the daemon was started with."""

_DRAINED_WITHIN = (
    0.25  # seconds for the rest of the output after the end: only a fork keeps it open for longer
)
_TERM_GRACE = 0.5  # seconds between SIGTERM and SIGKILL
_ERROR_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Order:
    """What is run: absolute path and arguments, what it reads, its whole environment; `timeout` in seconds.

    `most` is how many bytes it may print.
    """

    command: Sequence[str]
    text: bytes = b""
    env: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH, "LC_ALL": "C.UTF-8"}, repr=False)
    timeout: float = 5.0
    most: int = 1 << 20
    folder: str = "/"


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: the exit status, or minus the signal. `stderr` is its beginning."""

    status: int
    stdout: bytes
    stderr: str


async def run(order: Order) -> Ended:
    """Run a program to its end; cancelled, it is killed.

    Raises:
        ProviderError: it cannot be started, does not end in time or prints too much.

    """
    process = _started(order)
    try:
        async with asyncio.timeout(order.timeout):
            return await _conversation(process, order)
    except TimeoutError:
        await _terminated(process)
        raise ProviderError(
            f"{order.command[0]} did not end within {order.timeout:g} s and was killed"
        ) from None
    finally:
        _kill_group(process)
        await _reaped(process)


async def _conversation(process: "subprocess.Popen[bytes]", order: Order) -> Ended:
    stdout, stderr = _Sink(order.most), _Sink(_ERROR_BYTES)
    async with contextlib.AsyncExitStack() as stack:
        exited = await stack.enter_async_context(_exit_of(process))
        for pipe, sink in ((process.stdout, stdout), (process.stderr, stderr)):
            await stack.enter_async_context(_reading(pipe, sink))
        await stack.enter_async_context(_writing(process.stdin, order.text))
        waits = {asyncio.ensure_future(event.wait()) for event in (exited, stdout.full)}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not stdout.full.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_DRAINED_WITHIN):
                        await stdout.closed.wait()
                        await stderr.closed.wait()
        finally:
            for wait in waits:
                wait.cancel()
    if stdout.full.is_set():
        raise ProviderError(f"{order.command[0]} printed more than {order.most} bytes and was killed")
    return Ended(process.wait(), bytes(stdout.data), stderr.data.decode(errors="replace"))


def _started(order: Order) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            list(order.command),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=dict(order.env),
            cwd=order.folder,
            start_new_session=True,
            bufsize=0,
        )
    except FileNotFoundError:
        raise ProviderError(f"{order.command[0]} is not there, or the program its first line names") from None
    except OSError as error:
        raise ProviderError(f"{order.command[0]} cannot be started: {error.strerror}") from None


class _Source(asyncio.BaseProtocol):
    """Knows whether its transport has closed itself, all being written or nobody reading."""

    lost = False

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost = True


class _Sink(asyncio.Protocol):
    """Keeps the first `most` bytes and reads on without keeping more, so that the writer never stands still."""

    def __init__(self, most: int) -> None:
        self.data = bytearray()
        self.full = asyncio.Event()
        self.closed = asyncio.Event()
        self._most = most

    def data_received(self, data: bytes) -> None:
        room = self._most - len(self.data)
        self.data += data[:room]
        if len(data) > room:
            self.full.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.closed.set()


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


async def _terminated(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    async with _exit_of(process) as ended:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TERM_GRACE):
                await ended.wait()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _reaped(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
    if process.poll() is None:
        async with _exit_of(process) as ended:
            await ended.wait()
    process.wait()
