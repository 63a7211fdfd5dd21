"""Serves the HTTP application inside the daemon's event loop."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rrdnsd.errors import StartupError

SHUTDOWN_SECONDS = 1
FIRST_REQUEST_SECONDS = 10.0
"""How long a new connection may stay without a request; else silent ones would use up the descriptors."""

PEER_CERTIFICATE = "rrdnsd.peer_certificate"
"""The key of the connection's verified client certificate in the ASGI scope."""


@dataclass(frozen=True, slots=True)
class ServerTls:
    """The certificate of `local_node`; with a `ca_file`, client certificates are asked for and verified."""

    cert_file: str
    key_file: str
    ca_file: str | None = None


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
async def serving(app: FastAPI, sock: socket.socket, tls: ServerTls | None = None) -> AsyncIterator[None]:
    """Serve `app` on `sock` while the block runs."""
    config = uvicorn.Config(
        app,
        http=_protocol,  # type: ignore[arg-type]  # anything that makes protocols will do
        ssl_certfile=tls.cert_file if tls else None,
        ssl_keyfile=tls.key_file if tls else None,
        ssl_ca_certs=tls.ca_file if tls else None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if tls and tls.ca_file else ssl.CERT_NONE,
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


def _protocol(**settings: Any) -> HttpToolsProtocol:  # noqa: ANN401 -- handed on as uvicorn gives it
    """Make uvicorn's protocol, and let the application see the client certificate, which uvicorn keeps back."""
    protocol = HttpToolsProtocol(**settings)
    made, app = protocol.connection_made, protocol.app

    def connection_made(transport: asyncio.Transport) -> None:
        made(transport)
        protocol.loop.call_later(FIRST_REQUEST_SECONDS, _close_if_silent, protocol)
        certificate = transport.get_extra_info("peercert")
        if certificate:

            async def certified(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI's own types
                await app({**scope, PEER_CERTIFICATE: certificate}, receive, send)

            protocol.app = certified

    protocol.connection_made = connection_made  # type: ignore[method-assign]  # see above
    return protocol


def _close_if_silent(protocol: HttpToolsProtocol) -> None:
    if getattr(protocol, "cycle", None) is None:
        protocol.transport.close()
