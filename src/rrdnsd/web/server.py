"""Serves the HTTP application inside the daemon's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI

from rrdnsd.errors import StartupError

SHUTDOWN_SECONDS = 1


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket of `local_node`.

    Raises:
        StartupError: the address is not of this machine or the port is taken.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise StartupError(
            f"cannot listen on local_node {where}: {error.strerror}; "
            "is another rrdnsd running, and is the address one of this machine?"
        ) from error
    sock.setblocking(False)
    return sock


@contextlib.asynccontextmanager
async def serving(app: FastAPI, sock: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on `sock` while the block runs."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)
    # Signals are the daemon's own business: it stops probing first and this server last.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # a signal guard that guards nothing
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
