"""Serves the HTTP application inside the daemon's event loop: on `local_node`, and on the Unix socket."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server

from rrdnsd.web.app import streams_of
from rrdnsd.web.connection import CONNECTION, Connection, peer_uid
from rrdnsd.web.doorkeeper import Doorkeeper, Patience
from rrdnsd.web.listening import ServerTls

SHUTDOWN_SECONDS = 1


def nobody(_host: str) -> bool:
    """Tell of every host that it is no node: for a node alone."""
    return False


@contextlib.asynccontextmanager
async def serving(
    app: FastAPI,
    sock: socket.socket,
    tls: ServerTls | None = None,
    *,
    local: socket.socket | None = None,
    is_node: Callable[[str], bool] = nobody,
) -> AsyncIterator[None]:
    """Serve `app` on `sock`, and without TLS on the Unix socket `local`, while the block runs; both are closed then.

    Some connections are kept free for hosts of which `is_node` is true.
    """
    door = Doorkeeper(is_node)
    servers = {_server(app, door, tls): sock}
    if local:
        servers[_server(app, door, None)] = local
    tasks = [asyncio.create_task(server.serve(sockets=[own])) for server, own in servers.items()]
    try:
        yield
    finally:
        streams_of(app).end()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)
        for own in servers.values():
            own.close()


def _server(app: FastAPI, door: Doorkeeper, tls: ServerTls | None) -> Server:
    server = Server(_configured(app, door, tls))
    # Signals are the daemon's own business: it stops probing first and this server last.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # a signal guard that guards nothing
    return server


def _configured(app: FastAPI, door: Doorkeeper, tls: ServerTls | None) -> Config:
    return Config(
        app,
        http=lambda **settings: _protocol(door, **settings),  # type: ignore[arg-type]  # anything that makes protocols will do
        ssl_certfile=tls.cert_file if tls else None,
        ssl_keyfile=tls.key_file if tls else None,
        ssl_ca_certs=tls.ca_file if tls else None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if tls and tls.ca_file else ssl.CERT_NONE,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Talk:
    """A connection of uvicorn's, as far as its bounds need it."""

    protocol: HttpToolsProtocol

    def is_asked(self) -> bool:
        """Tell if a request has come whole and is not answered yet."""
        cycle = getattr(self.protocol, "cycle", None)
        return cycle is not None and not cycle.response_complete

    def abort(self) -> None:
        """Close the connection at once."""
        self.protocol.transport.abort()


def _protocol(door: Doorkeeper, **settings: Any) -> HttpToolsProtocol:  # noqa: ANN401 -- handed on as uvicorn gives it
    """Make uvicorn's protocol, bound it, and tell the application who is at the other end, which uvicorn keeps back."""
    protocol = HttpToolsProtocol(**settings)
    talk = _Talk(protocol)
    patience = Patience(talk, protocol.loop)
    made, received, lost, app = (
        protocol.connection_made,
        protocol.data_received,
        protocol.connection_lost,
        protocol.app,
    )

    def connection_made(transport: asyncio.Transport) -> None:
        made(transport)
        connection = _connection(transport, talk)

        async def known(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI's own types
            await app({**scope, CONNECTION: connection}, receive, send)

        protocol.app = known
        host = protocol.client[0] if connection.uid is None and protocol.client else None
        if door.lets_in(talk, host):
            patience.wait()
        else:
            transport.abort()

    def data_received(data: bytes) -> None:
        received(data)
        door.speaks(talk)
        patience.heard(len(data))

    def connection_lost(error: Exception | None) -> None:
        patience.rest()
        door.leaves(talk)
        lost(error)

    protocol.connection_made = connection_made  # type: ignore[method-assign]  # see above
    protocol.data_received = data_received  # type: ignore[method-assign]  # see above
    protocol.connection_lost = connection_lost  # type: ignore[method-assign, assignment]  # see above
    return protocol


def _connection(transport: asyncio.Transport, talk: _Talk) -> Connection:
    sock = transport.get_extra_info("socket")
    uid = peer_uid(sock) if sock.family == socket.AF_UNIX else None
    return Connection(uid, transport.get_extra_info("peercert") or None, talk.abort)
