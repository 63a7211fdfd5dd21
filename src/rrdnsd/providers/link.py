"""One TCP connection that carries the framed messages (RFC 7766) of several questions at a time."""

import asyncio
import socket
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import cast

_LENGTH = struct.Struct("!H")


@dataclass(slots=True, eq=False)
class Question:
    """Messages by their identifiers, and the replies that have come so far; the last one at `heard` on the loop's clock."""

    messages: Mapping[int, bytes]
    replies: dict[int, bytes] = field(default_factory=dict)
    heard: float = float("-inf")

    @property
    def missing(self) -> dict[int, bytes]:
        """The messages without a reply."""
        return {number: message for number, message in self.messages.items() if number not in self.replies}


Done = asyncio.Future[Exception | None]
"""Ends when a question has all its replies, or will get no more: then it tells why."""


class Link(asyncio.Protocol):
    """One connection. Replies may come in any order: their identifiers tell whose they are.

    It is `usable` for new questions until it ends, or somebody gives up waiting: a late reply must not be taken for
    another's. The questions that are under way then still get their replies. `answered` tells that any reply has come.
    """

    def __init__(self) -> None:
        self.answered = False
        self.usable = True
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._waiting: dict[int, tuple[Question, Done]] = {}

    def in_the_way(self, question: Question) -> set[Done]:
        """Return what must end before the question can be asked: others with an identifier of its own."""
        return {self._waiting[number][1] for number in question.missing if number in self._waiting}

    async def ask(self, question: Question, patience: float) -> None:
        """Send what has no reply yet, and wait until everything has one.

        A server may take one message after the other: the seconds of `patience` begin anew when those that were
        sent before get a reply.

        Raises:
            TimeoutError: not every reply came in time.
            OSError: the connection broke.
            EOFError: the server closed it.

        """
        if self._transport is None:
            raise EOFError
        done: Done = asyncio.get_running_loop().create_future()
        before = {other for other, _ in self._waiting.values()}
        missing = question.missing
        self._waiting |= dict.fromkeys(missing, (question, done))
        self._transport.write(b"".join(_LENGTH.pack(len(one)) + one for one in missing.values()))
        _acknowledge_at_once(self._transport)
        limit = _Limit(done, patience, before)
        try:
            error = await done
        finally:
            limit.cancel()
            self._forget(question)
        if error is not None:
            raise error

    def close(self) -> None:
        """End it at once, without waiting for replies."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what messages are written to."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Give each whole reply to those who wait for it."""
        self._received += data
        at = 0
        while (start := at + _LENGTH.size) <= len(self._received):
            end = start + _LENGTH.unpack_from(self._received, at)[0]
            if end > len(self._received):
                break
            self._take(bytes(self._received[start:end]))
            at = end
        del self._received[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        self.usable, self._transport = False, None
        waiting, self._waiting = self._waiting, {}
        for _, done in waiting.values():
            if not done.done():
                done.set_result(exc or EOFError())

    def _take(self, reply: bytes) -> None:
        number = identifier(reply)
        if number not in self._waiting:  # nobody has asked for it
            return
        question, done = self._waiting.pop(number)
        question.replies[number] = reply
        question.heard = asyncio.get_running_loop().time()
        self.answered = True
        if len(question.replies) == len(question.messages) and not done.done():
            done.set_result(None)

    def _forget(self, question: Question) -> None:
        missing = question.missing
        for number in missing:
            self._waiting.pop(number, None)
        self.usable = self.usable and not missing
        if not self.usable and not self._waiting:
            self.close()


class _Limit:
    """Ends a question that gets no reply in time."""

    def __init__(self, done: Done, patience: float, before: Collection[Question]) -> None:
        self._done = done
        self._patience = patience
        self._before = before
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._timer = self._loop.call_at(self._since + patience, self._look)

    def cancel(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        turn = max((other.heard for other in self._before), default=self._since)
        if turn > self._since:
            self._since = turn
            self._timer = self._loop.call_at(turn + self._patience, self._look)
        elif not self._done.done():
            self._done.set_result(TimeoutError())


def identifier(message: bytes) -> int:
    """Return what a message and its reply have in common."""
    return int.from_bytes(message[:2], "big")


def _acknowledge_at_once(transport: asyncio.Transport) -> None:
    # Servers send each reply by itself, so the second one waits (Nagle) for our acknowledgement of the first, which
    # Linux holds back for 40 ms. The option wears off, hence each time.
    quickack = getattr(socket, "TCP_QUICKACK", None)
    if quickack is not None:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, quickack, 1)
