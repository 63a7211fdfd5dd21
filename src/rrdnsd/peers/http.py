"""Carries messages between nodes by POST /quorum/v1/message over kept connections."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp

from rrdnsd.peers import wire
from rrdnsd.peers.mesh import Post
from rrdnsd.peers.outbox import Outgoing

_ANSWERED = frozenset({200, 409})
_MEANING = {
    401: "it has another cluster_secret",
    403: "it does not take this node for one of its peers",
    404: "nothing there takes messages of nodes",
    413: "the message is too large for it",
}
_BARE = ("User-Agent", "Accept", "Accept-Encoding")


@dataclass(frozen=True, slots=True)
class HttpCarrier:
    """How the nodes reach each other. `timeout` is in seconds; `tls` is for nodes_protocol https."""

    protocol: str = "http"
    timeout: float = 2.0
    tls: ssl.SSLContext | None = None

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[Post]:
        """Open the connections' pool and give the function that posts a message."""
        connector = aiohttp.TCPConnector(ssl=self.tls or True, limit_per_host=1, keepalive_timeout=60)
        timeout = aiohttp.ClientTimeout(total=self.timeout)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=jar, skip_auto_headers=_BARE
        ) as http:

            async def post(node: str, message: Outgoing) -> tuple[bytes, str]:
                url = f"{self.protocol}://{node}{wire.PATH}"
                try:
                    return await _exchange(http, url, message)
                except aiohttp.ClientError as error:
                    raise OSError(str(error)) from error

            yield post


async def _exchange(http: aiohttp.ClientSession, url: str, message: Outgoing) -> tuple[bytes, str]:
    async with http.post(url, data=message.body, headers={wire.MAC_HEADER: message.mac}) as response:
        if response.status not in _ANSWERED:
            meaning = _MEANING.get(response.status, "which is no answer to a message")
            raise wire.WireError(f"it answers HTTP status {response.status}: {meaning}")
        body = b""
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > wire.MAX_BODY:
                raise wire.WireError(f"its answer is larger than {wire.MAX_BODY} bytes")
        return body, response.headers.get(wire.MAC_HEADER, "")
