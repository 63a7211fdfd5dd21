"""One DNS server as its client sees it: messages go out signed, replies come back verified."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import dns.tsig

from rrdnsd.providers.base import Resolver
from rrdnsd.providers.exchange import TcpExchange
from rrdnsd.providers.keys import TsigKey
from rrdnsd.providers.message import Reply, Sent, read_reply, sign
from rrdnsd.providers.rcodes import Action, Asked
from rrdnsd.turns import Turns

Clock = Callable[[], float]
"""Gives POSIX time in seconds; TSIG signs it into every message."""

T = TypeVar("T")
Key = dns.tsig.Key | None


@dataclass(frozen=True, slots=True)
class Server:
    """A server, the key to sign with (None: unsigned), and the connection to it. `timeout` is in seconds."""

    resolver: Resolver
    key: TsigKey | None
    timeout: float
    exchange: TcpExchange
    clock: Clock = time.time

    async def ask(self, messages: Sequence[bytes]) -> list[Reply]:
        """Sign and send all messages at once; the replies in their order.

        Raises:
            ProviderError: as `converse`.

        """
        return await self.converse(messages, read_reply)

    async def converse(self, messages: Sequence[bytes], read: Callable[[bytes, Key, Sent], T]) -> list[T]:
        """Sign and send all messages at once; what `read` makes of the replies, in the order of the messages.

        Raises:
            ProviderError: not every message was answered in time, or an answer is no DNS message.

        """
        key = self.key.for_dnspython() if self.key else None
        sent, turns = [], Turns()
        for message in messages:
            await turns.rest()
            sent.append(sign(message, key, int(self.clock())))
        wires = await self.exchange.ask([one.wire for one in sent])
        replies, turns = [], Turns()
        for wire, one in zip(wires, sent, strict=True):
            await turns.rest()
            replies.append(read(wire, key, one))
        return replies

    def asked(self, action: Action, zone: str) -> Asked:
        """Name this server and its key for a sentence."""
        return Asked(action, str(self.resolver), zone, self.key)


def connect(resolver: Resolver, key: TsigKey | None, timeout: float, clock: Clock = time.time) -> Server:
    """Make a server to talk to; nothing is opened before the first question."""
    return Server(resolver, key, timeout, TcpExchange(resolver, timeout), clock)


def first_ident(count: int) -> int:
    """Give the first of `count` consecutive message identifiers."""
    return secrets.randbelow(0x10000 - count)
