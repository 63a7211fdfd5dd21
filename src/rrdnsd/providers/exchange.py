"""Questions to one DNS server over one kept TCP connection, those of all its zones at the same time (RFC 7766)."""

import asyncio
from collections.abc import Sequence

from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.link import Link, Question, identifier
from rrdnsd.providers.rcodes import explain_transport
from rrdnsd.providers.room import Room

AT_ONCE = 256
"""Messages under way at a time, of all who ask: enough to hide the round trip, few enough for any server."""


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
        self._room = Room(AT_ONCE)
        self._opening = asyncio.Lock()
        self._link: Link | None = None

    async def ask(self, messages: Sequence[bytes]) -> list[bytes]:
        """Send all messages at once and wait for all replies, in the order of the messages.

        The messages must have different identifiers. Connecting takes at most the timeout, and so do all replies together
        from when they are next (see `Link.ask`). Others who ask are waited for only while too much is under way.

        Raises:
            ProviderError: no connection, or not every reply in time.

        """
        question = Question({identifier(message): message for message in messages})
        async with self._room.hold(len(messages)):
            try:
                await self._ask(question)
            except (OSError, EOFError, TimeoutError) as error:
                raise ProviderError(explain_transport(str(self._resolver), error, self._timeout)) from error
        return [question.replies[identifier(message)] for message in messages]

    async def close(self) -> None:
        """Close the connection at once, without waiting for a question that is under way."""
        if self._link is not None:
            self._link.close()
        await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn

    async def _ask(self, question: Question) -> None:
        in_vain = False
        while question.missing:
            link = await self._usable()
            if others := link.in_the_way(question):
                await asyncio.wait(others)
                continue
            before = len(question.replies)
            try:
                await link.ask(question, self._timeout)
            except (ConnectionError, EOFError):
                if len(question.replies) > before:
                    continue  # some servers answer so many messages on a connection and no more
                if in_vain or not link.answered:
                    raise
                in_vain = True

    async def _usable(self) -> Link:
        async with asyncio.timeout(self._timeout), self._opening:
            if self._link is None or not self._link.usable:
                loop = asyncio.get_running_loop()
                _, self._link = await loop.create_connection(Link, self._resolver.host, self._resolver.port)
            return self._link
