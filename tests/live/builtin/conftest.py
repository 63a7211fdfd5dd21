import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from rrdnsd.providers.base import ProviderSpec, Resolver
from rrdnsd.providers.builtin import build
from rrdnsd.providers.builtin.provider import Builtin
from rrdnsd.providers.builtin.server import Listeners
from support.builtin import ZONE
from support.ports import free_port, loopbacks

Serve = Callable[..., Awaitable[Builtin]]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest_asyncio.fixture
async def serve(port: int, tmp_path: Path) -> AsyncIterator[Serve]:
    """Start a built-in server as the configuration would; it is closed at the end of the test.

    Several can be told apart by the folder of their `state`, and then each needs a port of its own to `listen` on.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def start(names: tuple[str, ...] = (), state: str = "state", **options: object) -> Builtin:
            listen = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in loopbacks()]
            spec = ProviderSpec(
                "default",
                "builtin",
                zones=(ZONE,),
                names=names,
                state_dir=str(tmp_path / state),
                options={"listen": listen, **options},
            )
            (provider,) = build(spec)
            assert isinstance(provider, Builtin)
            stack.push_async_callback(provider.close)
            await provider.start()
            return provider

        yield start


async def run(*command: str) -> str:
    """Run a program and give what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return output.decode()


@pytest.fixture
def dig(port: int) -> Callable[..., Awaitable[str]]:
    """Ask the server with dig: one try, twenty seconds."""

    async def ask(*words: str, at: str = "127.0.0.1") -> str:
        return await run("dig", f"@{at}", "-p", str(port), "+tries=1", "+time=20", *words)

    return ask


@pytest_asyncio.fixture
async def connect(
    port: int,
) -> AsyncIterator[Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]]:
    """Open TCP connections to the server; they are cut at the end of the test."""
    writers: list[asyncio.StreamWriter] = []

    async def open_one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writers.append(writer)
        return reader, writer

    yield open_one
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)


@pytest_asyncio.fixture
async def listen(port: int) -> AsyncIterator[Callable[..., Awaitable[Listeners]]]:
    """Open the bare listeners around a function; they are closed at the end of the test."""
    opened: list[Listeners] = []

    async def start(respond: Callable[..., list[bytes]], **options: float) -> Listeners:
        listeners = Listeners(respond, **options)
        opened.append(listeners)
        await listeners.open(Resolver("127.0.0.1", port))
        return listeners

    yield start
    for listeners in opened:
        await listeners.close()
