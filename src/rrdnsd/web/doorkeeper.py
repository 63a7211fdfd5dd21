"""Bounds on connections: how many there may be, and how long each may take to say what it wants."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

REQUEST_SECONDS = 10.0
"""How long a request may take to come, from its first byte (or the connection's start) to the end of its headers."""
MOST_HEADER_BYTES = 65_536
"""How much may come before the headers end. A chunk that holds more and the end passes, and is counted later."""
MOST = 512
KEPT_FOR_NODES = 128
MOST_LOCAL = 64


class Talk(Protocol):
    """A connection, as far as its bounds need it."""

    def is_asked(self) -> bool:
        """Tell if a request has come whole and is not answered yet."""

    def abort(self) -> None:
        """Close the connection at once."""


@dataclass(slots=True)
class Doorkeeper:
    """Counts the connections over TCP, of the nodes and of others, and those over the Unix socket.

    Where there are as many as there may be, the one that has been idle for longest makes room for a new one;
    if none is idle, the new one is refused. Others than nodes leave `KEPT_FOR_NODES` free.
    """

    is_node: Callable[[str], bool]
    _all: dict[str, OrderedDict[Talk, None]] = field(
        default_factory=lambda: {"nodes": OrderedDict(), "others": OrderedDict(), "local": OrderedDict()}
    )

    def lets_in(self, talk: Talk, host: str | None) -> bool:
        """Count a new connection; `host` is None over the Unix socket. Return False if there is no room."""
        kind = "local" if host is None else "nodes" if self.is_node(host) else "others"
        if self._is_full(kind) and not self._make_room(kind):
            return False
        self._all[kind][talk] = None
        return True

    def speaks(self, talk: Talk) -> None:
        """Note that a connection is in use: it is the last to make room."""
        for talks in self._all.values():
            if talk in talks:
                talks.move_to_end(talk)

    def leaves(self, talk: Talk) -> None:
        """Forget a connection."""
        for talks in self._all.values():
            talks.pop(talk, None)

    def _is_full(self, kind: str) -> bool:
        if kind == "local":
            return len(self._all["local"]) >= MOST_LOCAL
        over_tcp = len(self._all["nodes"]) + len(self._all["others"])
        return over_tcp >= (MOST if kind == "nodes" else MOST - KEPT_FOR_NODES)

    def _make_room(self, kind: str) -> bool:
        idle = next((talk for talk in self._all[kind] if not talk.is_asked()), None)
        if idle is None:
            return False
        self.leaves(idle)
        idle.abort()
        return True


@dataclass(slots=True)
class Patience:
    """Ends a connection whose next request does not come in time, or has no end of headers."""

    talk: Talk
    loop: asyncio.AbstractEventLoop
    _bytes: int = 0
    _timer: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """Begin to wait for a request."""
        if self._timer is None:
            self._bytes = 0
            self._timer = self.loop.call_later(REQUEST_SECONDS, self.talk.abort)

    def heard(self, count: int) -> None:
        """Note that so many bytes have come, and what they have led to."""
        if self.talk.is_asked():
            self.rest()
            return
        self.wait()
        self._bytes += count
        if self._bytes > MOST_HEADER_BYTES:
            self.talk.abort()

    def rest(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
