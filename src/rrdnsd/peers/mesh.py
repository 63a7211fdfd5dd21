"""The HTTP mesh: every node posts to every other, one message at a time, at once when there is news."""

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import aiohttp

from rrdnsd.core.model import EndpointKey
from rrdnsd.peers import wire
from rrdnsd.peers.base import Voice
from rrdnsd.peers.outbox import Outbox, Outgoing

log = logging.getLogger(__name__)

AFTER_FAILURE = 0.1
"""Least seconds between two tries at a peer that did not answer; up to as much again is random."""


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """How the nodes talk. `heartbeat` and `timeout` are seconds; `tls` is for nodes_protocol https."""

    protocol: str = "http"
    secret: bytes = b""
    heartbeat: float = 1.0
    timeout: float = 2.0
    tls: ssl.SSLContext | None = None


@dataclass(slots=True)
class _Line:
    """The connection to one peer."""

    outbox: Outbox
    wake: asyncio.Event
    trouble: str = ""


class HttpMesh:
    """A transport over POST requests between all pairs of nodes."""

    def __init__(
        self,
        me: str,
        nodes: Iterable[str],
        settings: MeshSettings,
        voice: Voice,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._lines = {
            node: _Line(Outbox(me, node, settings.secret, voice, clock), asyncio.Event())
            for node in nodes
            if node != me
        }
        self.messages = 0

    def voted(self, service: str) -> None:
        """Tell the peers at once that the votes on this service changed."""
        for line in self._lines.values():
            line.outbox.voted(service)
            line.wake.set()

    def suspected(self, key: EndpointKey) -> None:
        """Ask the peers to look at this endpoint at once."""
        for line in self._lines.values():
            line.outbox.suspected(key)
            line.wake.set()

    def nudge(self) -> None:
        """Say at once what else changed."""
        for line in self._lines.values():
            line.wake.set()

    async def run(self) -> None:
        """Exchange statements until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout)
        connector = aiohttp.TCPConnector(
            ssl=self._settings.tls or True, limit_per_host=1, keepalive_timeout=60
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            ) as http,
            asyncio.TaskGroup() as tasks,
        ):
            for node, line in self._lines.items():
                tasks.create_task(self._talk(http, node, line), name=f"peer {node}")

    async def _talk(self, http: aiohttp.ClientSession, node: str, line: _Line) -> None:
        url = f"{self._settings.protocol}://{node}{wire.PATH}"
        while True:
            line.wake.clear()
            sent = line.outbox.build()
            more = False
            try:
                more = await self._exchange(http, url, line.outbox, sent)
                self._note(node, line, "")
            except (aiohttp.ClientError, OSError, TimeoutError, wire.WireError) as error:
                line.outbox.lost(sent)
                self._note(node, line, str(error) or f"no answer within {self._settings.timeout:g} s")
                await asyncio.sleep(AFTER_FAILURE * random.uniform(1, 2))  # noqa: S311 -- jitter
            if not more:
                await self._wait(line.wake)

    async def _exchange(self, http: aiohttp.ClientSession, url: str, outbox: Outbox, sent: Outgoing) -> bool:
        self.messages += 1
        async with http.post(url, data=sent.body, headers={wire.MAC_HEADER: sent.mac}) as response:
            body = await response.content.read(wire.MAX_BODY)
            if response.status not in {200, 409}:
                raise wire.WireError(f"it answers HTTP status {response.status}")
            return outbox.confirmed(sent, body, response.headers.get(wire.MAC_HEADER, ""))

    async def _wait(self, wake: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._settings.heartbeat):
                await wake.wait()
        except TimeoutError:
            return

    def _note(self, node: str, line: _Line, trouble: str) -> None:
        """Log when a peer stops answering and when it answers again, once each."""
        if bool(trouble) != bool(line.trouble):
            if trouble:
                log.warning("[quorum] no contact with %s: %s", node, trouble)
            else:
                log.info("[quorum] contact with %s again", node)
        line.trouble = trouble
