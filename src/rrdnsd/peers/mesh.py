"""The mesh: every node tells every other, one message at a time, at once when there is news."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from rrdnsd.core.model import EndpointKey
from rrdnsd.peers import wire
from rrdnsd.peers.base import Voice
from rrdnsd.peers.outbox import Outbox, Outgoing

log = logging.getLogger(__name__)

AFTER_FAILURE = 0.1
"""Least seconds between two tries at a peer that did not answer; up to as much again is random."""

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
    ) -> None:
        self._carrier = carrier
        self._heartbeat = heartbeat
        self._lines = {
            node: _Line(Outbox(me, node, secret, voice, clock), asyncio.Event())
            for node in nodes
            if node != me
        }
        self.messages = 0
        """How many were sent so far."""

    def voted(self, service: str) -> None:
        """Tell the peers at once that the votes on this service changed."""
        for line in self._lines.values():
            line.outbox.voted(service)
        self.nudge()

    def suspected(self, key: EndpointKey) -> None:
        """Ask the peers to look at this endpoint at once."""
        for line in self._lines.values():
            line.outbox.suspected(key)
        self.nudge()

    def nudge(self) -> None:
        """Say at once what else changed."""
        for line in self._lines.values():
            line.wake.set()

    async def run(self) -> None:
        """Exchange statements until cancelled."""
        async with self._carrier() as post, asyncio.TaskGroup() as tasks:
            for node, line in self._lines.items():
                tasks.create_task(self._talk(post, node, line), name=f"peer {node}")

    async def _talk(self, post: Post, node: str, line: _Line) -> None:
        while True:
            line.wake.clear()
            # Counted from here, so that after a message that got no answer in time the next one goes out at once.
            next_beat = asyncio.get_running_loop().time() + self._heartbeat
            sent = line.outbox.build()
            self.messages += 1
            more = False
            try:
                body, mac = await post(node, sent)
                more = line.outbox.confirmed(sent, body, mac)
                self._note(node, line, None)
            except (OSError, TimeoutError, wire.WireError) as error:
                line.outbox.lost(sent)
                self._note(node, line, error)
                await asyncio.sleep(AFTER_FAILURE * random.uniform(1, 2))  # noqa: S311 -- jitter
            if not more:
                await self._wait(line.wake, next_beat)

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
