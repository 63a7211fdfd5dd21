"""A vendor's API on loopback: strict about what it is asked, and with bad days on order.

The moods are what vendors really do: be down, slow, refuse, answer with HTML, with half a page, or never stop.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from support.ports import free_port

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: object


@dataclass
class VendorApi:
    """Answers requests under /v2 by `answer`, unless its mood is bad. A subclass of nothing: `answer` is given.

    `mood` is the name of a bad day or "" for a good one; `only` restricts it to these methods; `headers` go out
    with every bad answer; `changes` are the requests that would change something.
    """

    answer: Callable[[Asked], tuple[int, object]]
    let_in: Callable[[Mapping[str, str]], bool]
    mood: str = ""
    only: frozenset[str] = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    @property
    def changes(self) -> list[Asked]:
        return [one for one in self.asked if one.method != "GET"]

    async def start(self) -> None:
        app = web.Application(client_max_size=2**20)
        app.router.add_route("*", "/v2{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        self.port = self.port or free_port("127.0.0.1")
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        asked = Asked(request.method, request.path.removeprefix("/v2"), dict(request.query), _json(raw))
        self.asked.append(asked)
        if not self.let_in(request.headers):
            return web.json_response(
                {"id": "unauthorized", "message": "Unable to authenticate you"}, status=401
            )
        if self.mood and request.method in self.only:
            return await MOODS[self.mood](self, request, asked)
        if raw and request.content_type != "application/json":
            return web.json_response({"message": "a body must be JSON"}, status=415)
        status, data = self.answer(asked)
        return web.json_response(data, status=status) if data is not None else web.Response(status=status)


def _json(raw: bytes) -> object:
    return json.loads(raw) if raw else None


async def _slow(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response(status=500)


def _status(status: int) -> Callable[[VendorApi, web.Request, Asked], Awaitable[web.StreamResponse]]:
    async def answer(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
        # A vendor may repeat what it was sent; the token must not come out of it.
        said = {
            "id": "error",
            "message": f"no: {request.headers.get('Authorization', '')}{request.headers.get('API-Key', '')}",
        }
        return web.json_response(said, status=status, headers=dict(api.headers))

    return answer


async def _html(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
    return web.Response(text="<html><h1>Scheduled maintenance</h1></html>", content_type="text/html")


async def _half(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
    """The first half of what is listed, with everything else as it should be."""
    status, data = api.answer(asked)
    for key in ("domain_records", "dnsRecords"):
        if isinstance(data, dict) and key in data:
            data = {**data, key: data[key][len(data[key]) // 2 + 1 :]}
    return web.json_response(data, status=status)


async def _cut(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
    text = json.dumps(api.answer(asked)[1]).encode()
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Length": str(len(text))}
    )
    await response.prepare(request)
    await response.write(text[: len(text) // 2])
    if request.transport:
        request.transport.close()
    return response


async def _endless(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b"[")
    while request.transport and not request.transport.is_closing():
        await response.write(b'"0123456789abcdef",' * 10000)
    return response


async def _drip(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while request.transport and not request.transport.is_closing():
        await response.write(b" ")
        await asyncio.sleep(0.02)
    return response


def _json_of(data: object) -> Callable[[VendorApi, web.Request, Asked], Awaitable[web.StreamResponse]]:
    async def answer(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
        return web.json_response(data)

    return answer


async def _redirect(api: VendorApi, request: web.Request, asked: Asked) -> web.StreamResponse:
    raise web.HTTPFound(f"http://127.0.0.1:{api.port}/v2/elsewhere")


MOODS: Mapping[str, Callable[[VendorApi, web.Request, Asked], Awaitable[web.StreamResponse]]] = {
    "slow": _slow,
    "drip": _drip,
    "401": _status(401),
    "403": _status(403),
    "429": _status(429),
    "500": _status(500),
    "503": _status(503),
    "html": _html,
    "half": _half,
    "cut": _cut,
    "endless": _endless,
    "redirect": _redirect,
    "list": _json_of([1, 2, 3]),
    "null": _json_of(None),
    "empty": _json_of({}),
    "types": _json_of(
        {"statusCode": "200", "domain_records": {"id": 1}, "dnsRecords": "none", "meta": {"total": "1"}}
    ),
    "nulls": _json_of({"statusCode": 200, "domain_records": None, "dnsRecords": None, "meta": None}),
}
