"""One kept TCP connection to a DNS server, many framed messages (RFC 7766)."""

import asyncio
import socket
import struct
from collections.abc import Sequence

from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.rcodes import explain_transport


class TcpExchange:
    """Sends messages and gives back the replies; opens the connection when it needs it.

    Servers close an idle connection after 5 to 25 s. A connection that breaks under a message it was kept for
    is opened once more and the messages without a reply are sent again. For queries that is harmless. An
    UPDATE may have been applied before the connection broke; sent again it changes nothing wrong, because its
    prerequisites name the data it replaces: either they still hold, and then it was not applied or leaves the
    same result, or they fail, and then it is reported stale and read again.
    """

    def __init__(self, resolver: Resolver, timeout: float) -> None:
        self._resolver = resolver
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, messages: Sequence[bytes]) -> list[bytes]:
        """Send all messages at once and wait for all replies, in the order of the messages.

        The messages must have different identifiers. All together take at most the timeout.

        Raises:
            ProviderError: no connection, or not every reply in time.

        """
        async with self._lock:
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._ask(messages)
            except (OSError, EOFError, TimeoutError) as error:
                self._drop()
                raise ProviderError(explain_transport(str(self._resolver), error, self._timeout)) from error
            except BaseException:
                self._drop()  # a reply may still be on its way: this connection is of no more use
                raise

    async def close(self) -> None:
        """Close the connection at once, without waiting for a question that is under way."""
        self._drop()
        await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn

    async def _ask(self, messages: Sequence[bytes]) -> list[bytes]:
        waiting = {_ident(message): message for message in messages}
        replies: dict[int, bytes] = {}
        kept = self._streams is not None
        try:
            await self._converse(waiting, replies)
        except (ConnectionError, EOFError):
            if not kept:
                raise
            self._drop()
            await self._converse(waiting, replies)
        return [replies[_ident(message)] for message in messages]

    async def _converse(self, waiting: dict[int, bytes], replies: dict[int, bytes]) -> None:
        reader, writer = await self._connection()
        writer.write(b"".join(struct.pack("!H", len(message)) + message for message in waiting.values()))
        await writer.drain()
        _acknowledge_at_once(writer)
        while waiting:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            reply = await reader.readexactly(length)
            if waiting.pop(_ident(reply), None) is not None:
                replies[_ident(reply)] = reply

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            self._drop()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._resolver.host, self._resolver.port)
        return self._streams

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def _acknowledge_at_once(writer: asyncio.StreamWriter) -> None:
    # Servers send each reply by itself, so the second one waits (Nagle) for our acknowledgement of the first, which
    # Linux holds back for 40 ms. The option wears off, hence each time.
    quickack = getattr(socket, "TCP_QUICKACK", None)
    if quickack is not None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, quickack, 1)


def _ident(message: bytes) -> int:
    return int.from_bytes(message[:2], "big")
