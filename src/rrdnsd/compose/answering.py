"""When the HTTP interface begins: its sockets are open before the first probe, its application comes beside the first ones.

What the application needs takes a quarter of a second to load. Nobody meets half an application meanwhile: who connects
early waits in the queue of the socket.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from socket import socket

from rrdnsd.config import Config, host_port
from rrdnsd.config.socketpath import socket_path
from rrdnsd.web.listening import listen
from rrdnsd.web.localsocket import open_socket

_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Doors:
    """The sockets that are listened at: that of `local_node`, and that of the local administrator."""

    node: socket
    local: socket | None


Make = Callable[[Doors], AbstractAsyncContextManager[None]]
"""Puts the application together, in a thread, and returns what answers at the doors while it is entered."""


@asynccontextmanager
async def answering(
    config: Config, env: Mapping[str, str], make: Make, made: Callable[[], None]
) -> AsyncIterator[None]:
    """Listen at once, and answer as soon as `make` is done, while the block runs. The block ends if that fails.

    `made` is told when nothing more is loaded beside the probes.

    Raises:
        StartupError: a port is taken, or the Unix socket cannot be opened.

    """
    with _open_doors(config, env) as doors:
        async with asyncio.TaskGroup() as tasks:
            answers = tasks.create_task(_answer(partial(make, doors), made), name="answering")
            try:
                yield
            finally:
                answers.cancel()


async def _answer(make: Callable[[], AbstractAsyncContextManager[None]], made: Callable[[], None]) -> None:
    async with await _made(make):
        made()
        await asyncio.get_running_loop().create_future()


async def _made(
    make: Callable[[], AbstractAsyncContextManager[None]],
) -> AbstractAsyncContextManager[None]:
    usual = sys.getswitchinterval()
    # The event loop gets the interpreter back ten times sooner than usual: probes under way measure latencies.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        return await asyncio.to_thread(make)
    finally:
        sys.setswitchinterval(usual)


@contextmanager
def _open_doors(config: Config, env: Mapping[str, str]) -> Iterator[Doors]:
    path = socket_path(config.api.socket, env) if config.api.enabled else None
    with ExitStack() as stack:
        node = stack.enter_context(listen(*host_port(config.local_node)))
        yield Doors(node, stack.enter_context(open_socket(path)) if path else None)
