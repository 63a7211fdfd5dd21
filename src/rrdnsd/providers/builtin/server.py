"""The sockets of the built-in server: UDP in batches, TCP with bounds (RFC 7766)."""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import math
import os
import socket
import struct
from collections.abc import Callable, Iterable
from functools import partial

from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.builtin.options import is_wildcard

log = logging.getLogger(__name__)

Respond = Callable[[bytes, str], Iterable[bytes]]
"""From a message and the address of its sender to the responses."""

HEADER = 12
MAX_QUERY = 4096
"""Octets; no query comes near it, and nobody can make us hold more per connection."""

UDP_BATCH = 64
"""Datagrams answered before other tasks of the event loop get their turn."""

MAX_CONNECTIONS = 100
IDLE_TIMEOUT = 10.0
WRITE_TIMEOUT = 10.0

_IP_PKTINFO = 8  # linux/in.h; the socket module names it from Python 3.12 on
_MAX_TRACEBACKS = 10
_ANCILLARY = 128

Ancillary = list[tuple[int, int, bytes]]


class Listeners:
    """All sockets of the server. `respond` is asked for each message; `tcp` tells it how it came."""

    def __init__(
        self, respond: Callable[..., Iterable[bytes]], *, idle_timeout: float = IDLE_TIMEOUT
    ) -> None:
        self._respond = respond
        self._idle_timeout = idle_timeout
        self._datagrams: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], float] = {}
        self._failures = 0

    async def open(self, where: Resolver) -> None:
        """Listen on one address and port, UDP and TCP.

        Raises:
            ProviderError: that is not possible.

        """
        try:
            datagrams = _bound(where, socket.SOCK_DGRAM)
            self._datagrams.append(datagrams)
            asyncio.get_running_loop().add_reader(datagrams, self._readable, datagrams)
            stream = _bound(where, socket.SOCK_STREAM)
            self._servers.append(await asyncio.start_server(self._connected, sock=stream, limit=MAX_QUERY))
        except OSError as error:
            raise ProviderError(_sentence(where, error)) from error

    async def close(self) -> None:
        """Close everything; connections are cut."""
        for datagrams in self._datagrams:
            asyncio.get_running_loop().remove_reader(datagrams)
            datagrams.close()
        for server in self._servers:
            server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._datagrams.clear()
        self._servers.clear()

    def _responses(self, wire: bytes, host: str, *, tcp: bool) -> Iterable[bytes]:
        try:
            yield from self._respond(wire, host, tcp=tcp)
        except Exception:  # a bug shall cost one answer, not the server
            self._failures += 1
            if self._failures <= _MAX_TRACEBACKS:
                log.exception(
                    "[builtin] no answer to %s: a bug in rrdnsd, please report it with this query: %s",
                    host,
                    wire.hex(),
                )

    def _readable(self, datagrams: socket.socket) -> None:
        for _ in range(UDP_BATCH):
            try:
                wire, ancillary, _, peer = datagrams.recvmsg(MAX_QUERY, _ANCILLARY)
            except OSError:
                return  # nothing more, or the echo of an ICMP error
            for response in self._responses(wire, peer[0], tcp=False):
                # A full buffer or a vanished route: the resolver asks again.
                with contextlib.suppress(OSError):
                    datagrams.sendmsg([response], _from_there(ancillary), 0, peer)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._make_room()
        task = asyncio.create_task(self._serve(reader, writer))
        task.add_done_callback(partial(self._ended, writer))
        self._touch(task)

    def _ended(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        del self._connections[task]
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, TimeoutError):  # how connections end
            await self._converse(reader, writer)
        with contextlib.suppress(OSError, TimeoutError):
            writer.close()  # who has stopped sending may still read what was written
            async with asyncio.timeout(WRITE_TIMEOUT):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None:
            return  # it was gone before we looked
        host, task = peer[0], asyncio.current_task()
        while True:
            async with asyncio.timeout(self._idle_timeout):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                if not HEADER <= length <= MAX_QUERY:
                    return
                wire = await reader.readexactly(length)
            for response in self._responses(wire, host, tcp=True):
                self._touch(task)
                writer.write(len(response).to_bytes(2) + response)
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await writer.drain()
                await asyncio.sleep(0)  # drain waits only when the buffer is full; others want their turn

    def _make_room(self) -> None:
        """Cut the connection that has been idle longest when there are too many (RFC 7766, section 6.2.3)."""
        if len(self._connections) >= MAX_CONNECTIONS:
            longest = min(self._connections, key=self._connections.__getitem__)
            longest.cancel()
            self._connections[longest] = math.inf  # so that the next one is not cut in its place

    def _touch(self, task: asyncio.Task[None] | None) -> None:
        if task:
            self._connections[task] = asyncio.get_running_loop().time()


def _bound(where: Resolver, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where TCP is named: with it, a transfer in parts waits for its client.
    protocol = socket.IPPROTO_TCP if kind == socket.SOCK_STREAM else socket.IPPROTO_UDP
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif is_wildcard(where.host):
            _ask_for_destination(sock, family)
        sock.bind((where.host, where.port))
    except OSError:
        sock.close()
        raise
    return sock


def _ask_for_destination(sock: socket.socket, family: socket.AddressFamily) -> None:
    """Have the kernel tell to which of our addresses a datagram came, so that the answer comes from there."""
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _from_there(ancillary: Ancillary) -> Ancillary:
    """Turn the destination of a query into the source of its answer; routing chooses the interface (index 0)."""
    control = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            control.append((level, kind, bytes(4) + data[4:]))
        elif not ipaddress.IPv6Address(data[:16]).is_link_local:
            control.append((level, kind, data[:16] + bytes(4)))
        else:
            control.append((level, kind, data))
    return control


def _sentence(where: Resolver, error: OSError) -> str:
    reasons: dict[int | None, str] = {
        errno.EADDRINUSE: "another program listens there; stop it or choose another port in builtin.listen",
        errno.EADDRNOTAVAIL: "this machine has no such address; see `ip address`, or listen on 0.0.0.0 or [::]",
        errno.EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE",
    }
    reason = reasons.get(error.errno, os.strerror(error.errno) if error.errno else str(error))
    return f"the built-in DNS server cannot listen on {where}: {reason}"
