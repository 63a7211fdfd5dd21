"""The network between nodes: carries the real bytes of the real messages, and loses, delays and doubles them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from random import Random

from rrdnsd.peers.inbox import Answer, Inbox
from rrdnsd.peers.mesh import Post
from rrdnsd.peers.outbox import Outgoing
from rrdnsd.peers.wire import WireError
from simulation.faults import Conditions, Link
from simulation.kernel import Kernel, ProcessLoop

QUICK = 0.03
"""Seconds at most that a message takes through a network where all is well."""

ANSWERED = (200, 409)

Heard = Callable[[str, str, float], None]
"""Told that a node accepted a message: receiver, sender, and when it was made."""
Tell = Callable[[str, str, bytes, int], None]
"""Told of each message that arrives: sender, receiver, body, and the HTTP status it was answered with."""


@dataclass(slots=True)
class Port:
    """Where a node listens: its process and its inbox."""

    loop: ProcessLoop
    inbox: Inbox


class Network:
    """Every node can reach every other, but for what `conditions` say."""

    def __init__(self, kernel: Kernel, rng: Random, conditions: Conditions, heard: Heard, tell: Tell) -> None:
        self.ports: dict[str, Port] = {}
        self._kernel = kernel
        self._rng = rng
        self._conditions = conditions
        self._heard = heard
        self._tell = tell

    def carrier(self, me: str, loop: ProcessLoop, timeout: float) -> "SimulatedCarrier":
        return SimulatedCarrier(self, me, loop, timeout)

    def send(self, source: str, target: str, message: Outgoing, answer: asyncio.Future[Answer]) -> None:
        """Put a request on its way; its answer, if one comes back, ends the future."""
        link = self._conditions.link(source, target)
        made = self._kernel.now
        if not self._lost(link):
            body = self._garbled(link, message.body)
            self._kernel.at(
                made + self._delay(link),
                lambda: self._arrive(source, target, body, message.mac, made, answer),
            )
        if self._rng.random() < link.twice:
            late = made + self._rng.uniform(0.0, 10.0)
            self._kernel.at(late, lambda: self._arrive(source, target, message.body, message.mac, made, None))

    def _arrive(
        self,
        source: str,
        target: str,
        body: bytes,
        mac: str,
        made: float,
        answer: asyncio.Future[Answer] | None,
    ) -> None:
        port = self.ports.get(target)
        if port is None:
            self._back(source, target, answer, OSError("connection refused"))
            return
        self._kernel.post(
            self._kernel.now, port.loop, self._receive, port, source, target, body, mac, made, answer
        )

    def _receive(
        self,
        port: Port,
        source: str,
        target: str,
        body: bytes,
        mac: str,
        made: float,
        answer: asyncio.Future[Answer] | None,
    ) -> None:
        given = port.inbox.receive(body, mac)
        self._tell(source, target, body, given.status)
        if given.status == 200:
            self._heard(target, source, made)
        self._back(source, target, answer, given)

    def _back(
        self, source: str, target: str, answer: asyncio.Future[Answer] | None, given: Answer | OSError
    ) -> None:
        link = self._conditions.link(target, source)
        if answer is None or self._lost(link):
            return
        loop = answer.get_loop()
        assert isinstance(loop, ProcessLoop)
        self._kernel.post(self._kernel.now + self._delay(link), loop, _settle, answer, given)

    def _lost(self, link: Link) -> bool:
        return link.cut or self._rng.random() < link.loss

    def _delay(self, link: Link) -> float:
        return self._rng.uniform(0.001, max(QUICK, link.delay))

    def _garbled(self, link: Link, body: bytes) -> bytes:
        return body[: self._rng.randrange(len(body))] if self._rng.random() < link.garble else body


@dataclass(frozen=True, slots=True)
class SimulatedCarrier:
    """Takes the place of `peers.http.HttpCarrier`."""

    network: Network
    me: str
    loop: ProcessLoop
    timeout: float

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[Post]:
        async def post(node: str, message: Outgoing) -> tuple[bytes, str]:
            answer: asyncio.Future[Answer] = self.loop.create_future()
            self.network.send(self.me, node, message, answer)
            async with asyncio.timeout(self.timeout):
                given = await answer
            if given.status not in ANSWERED:
                raise WireError(f"it answers HTTP status {given.status}")
            return given.body, given.mac

        yield post


def _settle(future: asyncio.Future[Answer], given: Answer | OSError) -> None:
    if future.done():
        return
    if isinstance(given, OSError):
        future.set_exception(given)
    else:
        future.set_result(given)
