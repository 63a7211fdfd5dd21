"""One vendor's JSON API over HTTPS: kept connections, bounded answers, and a sentence for everything that fails."""

import asyncio
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rrdnsd import __version__
from rrdnsd.errors import ProviderError
from rrdnsd.providers.vendor import sentences
from rrdnsd.providers.vendor.limits import wait_asked

if TYPE_CHECKING:
    import ssl

    import aiohttp

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer, unpacked; more is not read."""
AT_ONCE = 4
"""Requests that are on their way to one vendor at a time."""

_OF_ONE_RECORD = frozenset({400, 404, 409, 422})
_IDLE = 15.0  # seconds a connection is kept; less than what servers allow, or a POST meets a closed one
_UNASKED = 60.0  # seconds to stay away after a 429 that does not say how long


@dataclass(frozen=True, slots=True)
class Access:
    """Where an API is and how to be let in. `headers` hold the secret, so repr leaves them out.

    `secrets` are never repeated in a sentence. `timeout` is in seconds for one request. `about_one` are the HTTP
    statuses with which this vendor refuses one record and nothing else.
    """

    url: str
    timeout: float
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False, default=())
    tls: "ssl.SSLContext | None" = None
    about_one: Collection[int] = _OF_ONE_RECORD

    @property
    def host(self) -> str:
        """Name the API in a sentence."""
        return self.url.partition("//")[2].partition("/")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: parsed JSON, None where there was no body. `refusal` says why nothing was done, if so."""

    status: int
    data: object
    refusal: str = ""


class TooLargeError(ProviderError):
    """The answer is larger than what is read."""


class Api:
    """Asks one API. Nothing is opened before the first question, and aiohttp not even imported: it costs 9 MB."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._resume_at = float("-inf")

    @property
    def host(self) -> str:
        """Name the API in a sentence."""
        return self.access.host

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        """Send one request and read the whole answer. It takes at most the timeout once it is its turn.

        Raises:
            ProviderError: no answer, no JSON, or a refusal that is not about one record only. After a 429 that is so
                at once, without asking, until the vendor's time is over.

        """
        async with self._slots:
            rest = self._resume_at - asyncio.get_running_loop().time()
            if rest > 0:
                raise ProviderError(sentences.still_waiting(self.host, rest), rest)
            try:
                async with asyncio.timeout(self.access.timeout):
                    return await self._exchange(method, path, query, body)
            except TimeoutError:
                raise ProviderError(sentences.silent(self.host, self.access.timeout)) from None

    async def close(self) -> None:
        """Close the connections; never raises."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, object] | None
    ) -> Answer:
        import aiohttp  # noqa: PLC0415 -- 9 MB that only those pay who use a vendor

        session = self._opened()
        url = self.access.url + path
        try:
            async with session.request(
                method, url, params=query, json=body, allow_redirects=False
            ) as response:
                return self._judge(response, await _read(self.host, response))
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderError(sentences.unreachable(self.host, error)) from None

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp  # noqa: PLC0415 -- see above

        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self.access.tls or True, limit=AT_ONCE, keepalive_timeout=_IDLE
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={
                    "Accept": "application/json",
                    "User-Agent": f"rrdnsd/{__version__}",
                    **self.access.headers,
                },
            )
        return self._session

    def _judge(self, response: "aiohttp.ClientResponse", body: bytes) -> Answer:
        data, is_json = _parsed(body)
        said = sentences.said(data, self.access.secrets) if is_json else ""
        if response.ok and response.status < 300:  # noqa: PLR2004 -- the first redirect
            if not is_json:
                raise ProviderError(sentences.no_json(self.host, response.status, response.content_type))
            return Answer(response.status, data)
        wait = wait_asked(response.headers, time.time())
        if response.status == 429:  # noqa: PLR2004 -- too many requests, RFC 6585
            wait = _UNASKED if wait is None else wait
            self._resume_at = asyncio.get_running_loop().time() + wait
        if is_json and response.status in self.access.about_one:
            return Answer(response.status, data, sentences.refused(self.host, response.status, said))
        raise ProviderError(sentences.failed(self.host, response.status, said, wait), wait)


def unwrapped(failed: BaseExceptionGroup) -> BaseException:
    """Give the first error of several requests made at once: they fail for the same reason nearly always."""
    first = failed.exceptions[0]
    return unwrapped(first) if isinstance(first, BaseExceptionGroup) else first


async def _read(host: str, response: "aiohttp.ClientResponse") -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            raise TooLargeError(sentences.endless(host, LARGEST))
    return bytes(body)


def _parsed(body: bytes) -> tuple[object, bool]:
    if not body.strip():
        return None, True
    try:
        return json.loads(body), True
    except (ValueError, RecursionError):
        return None, False
