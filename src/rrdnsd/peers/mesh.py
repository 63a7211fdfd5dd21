"""The mesh: every node tells every other, one message at a time, at once when there is news."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

from rrdnsd.core.calls import Call
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.telling import Told
from rrdnsd.peers import wire
from rrdnsd.peers.base import Agreement, NodeList, Voice
from rrdnsd.peers.news import News
from rrdnsd.peers.outbox import Outbox, Outgoing

log = logging.getLogger(__name__)

AFTER_FAILURE = 0.1
"""Least seconds between two tries at a peer that did not answer; up to as much again is random."""

TOGETHER = 0.05
"""Seconds for which calls of endpoints are collected before they go out in one message."""

Post = Callable[[str, Outgoing], Awaitable[tuple[bytes, str]]]
"""Carries a message to a node and returns the body and the MAC of its answer.

Raises OSError, TimeoutError or WireError if there is no answer that can be read.
"""

Carrier = Callable[[], AbstractAsyncContextManager[Post]]
"""Opens the way to the peers for as long as the mesh runs."""


@dataclass(slots=True)
class _Line:
    """The connection to one peer."""

    outbox: Outbox
    wake: asyncio.Event
    trouble: str = ""
    task: asyncio.Task[None] | None = None
    answers: bool = False


def _open(
    me: str,
    secret: bytes,
    voice: Voice,
    clock: Callable[[], float],
    membership: NodeList | None,
    heartbeat: float,
    node: str,
) -> _Line:
    return _Line(Outbox(me, node, secret, voice, clock, membership, heartbeat), asyncio.Event())


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


class Mesh:
    """A transport of messages between all pairs of nodes. `heartbeat` is in seconds."""

    def __init__(
        self,
        me: str,
        nodes: Iterable[str],
        secret: bytes,
        voice: Voice,
        carrier: Carrier,
        clock: Callable[[], float],
        heartbeat: float = 1.0,
        membership: NodeList | None = None,
    ) -> None:
        self._me = me
        self._carrier = carrier
        self._heartbeat = heartbeat
        self._open: Callable[[str], _Line] = partial(_open, me, secret, voice, clock, membership, heartbeat)
        self._news = News(lambda: voice.table)
        self._lines = {node: self._open(node) for node in nodes if node != me}
        self._start: Callable[[str, _Line], None] = lambda _node, _line: None
        self._answered = asyncio.Event()
        self._collecting: asyncio.TimerHandle | None = None
        self.messages = 0
        """How many were sent so far."""

    def voted(self, service: str) -> None:
        """Tell the peers at once that the votes on this service changed."""
        change = self._news.of(service)
        for line in self._lines.values():
            line.outbox.voted(service, change)
        self.nudge()

    def suspected(self, key: EndpointKey) -> None:
        """Ask the peers to look at this endpoint at once."""
        for line in self._lines.values():
            line.outbox.suspected(key)
        self.nudge()

    def ordered(self, keys: Iterable[str], known_to: str = "") -> None:
        """Tell the peers at once of the orders with these keys; `known_to` is who told us of them."""
        keys = tuple(keys)
        for node, line in self._lines.items():
            if node != known_to:
                line.outbox.ordered(keys)
                line.wake.set()

    def told(self, marks: Iterable[Told]) -> None:
        """Let the peers know what people were told."""
        marks = tuple(marks)
        for line in self._lines.values():
            line.outbox.told(marks)
        if marks:
            self.nudge()

    def called(self, call: Call) -> None:
        """Let the peers know that an endpoint has called here, together with those that call in the same moment."""
        for line in self._lines.values():
            line.outbox.called(call)
        if self._collecting is None:
            self._collecting = asyncio.get_running_loop().call_later(TOGETHER, self._collected)

    def _collected(self) -> None:
        self._collecting = None
        self.nudge()

    async def agreed(self, keys: Iterable[str], timeout: float) -> Agreement:  # noqa: ASYNC109 -- the answer is partial then
        """Wait until all peers that answer at all have confirmed these orders, for `timeout` seconds at most."""
        keys = frozenset(keys)
        until = asyncio.get_running_loop().time() + timeout
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while any(line.answers and line.outbox.may_learn(keys) for line in self._lines.values()):
                    await self._answered.wait()
        known = tuple(node for node, line in self._lines.items() if line.outbox.knows(keys))
        return Agreement(known, tuple(node for node in self._lines if node not in known))

    def reseat(self, nodes: Iterable[str]) -> None:
        """Speak with these nodes from now on; what is known of those that stay is kept."""
        known = self._lines
        wanted = [node for node in nodes if node != self._me]
        self._lines = {node: known[node] if node in known else self._open(node) for node in wanted}
        for node in known.keys() - self._lines.keys():
            if task := known[node].task:
                task.cancel()
        for node in wanted:
            if node not in known:
                self._start(node, self._lines[node])
        self._tell_waiting()

    def nudge(self) -> None:
        """Say at once what else changed."""
        for line in self._lines.values():
            line.wake.set()

    async def run(self) -> None:
        """Exchange statements until cancelled."""
        async with self._carrier() as post, asyncio.TaskGroup() as tasks:

            def start(node: str, line: _Line) -> None:
                line.task = tasks.create_task(self._talk(post, node, line), name=f"peer {node}")

            self._start = start
            for node, line in self._lines.items():
                start(node, line)
            tasks.create_task(_for_ever(), name="peers")  # also while there is no peer

    async def _talk(self, post: Post, node: str, line: _Line) -> None:
        while True:
            line.wake.clear()
            # Counted from here, so that after a message that got no answer in time the next one goes out at once.
            next_beat = asyncio.get_running_loop().time() + self._heartbeat
            if not self._news.complete():
                for each in self._lines.values():
                    each.outbox.doubt()
            sent = line.outbox.build()
            self.messages += 1
            more = False
            try:
                body, mac = await post(node, sent)
                more = line.outbox.confirmed(sent, body, mac)
                self._note(node, line, None)
                line.answers = True
            except (OSError, TimeoutError, wire.WireError) as error:
                line.outbox.lost(sent)
                self._note(node, line, error)
                line.answers = False
                self._tell_waiting()  # now, and not only after the pause
                await asyncio.sleep(AFTER_FAILURE * random.uniform(1, 2))  # noqa: S311 -- jitter
            self._tell_waiting()
            if not more:
                await self._wait(line.wake, next_beat)

    def _tell_waiting(self) -> None:
        """Let those who wait for an agreement look again."""
        self._answered.set()
        self._answered = asyncio.Event()

    async def _wait(self, wake: asyncio.Event, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await wake.wait()
        except TimeoutError:
            return

    def _note(self, node: str, line: _Line, error: Exception | None) -> None:
        """Log when a peer stops answering, when it begins to refuse, and when all is well again, once each."""
        trouble = "" if error is None else "refuses" if isinstance(error, wire.WireError) else "silent"
        if trouble == line.trouble:
            return
        if error is not None:
            log.warning("[quorum] no contact with %s: %s", node, str(error) or "no answer in time")
        else:
            log.info("[quorum] contact with %s again", node)
        line.trouble = trouble
