"""Stands before every route: lets pass whom the table of access allows, and nobody else."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from logging import getLogger
from math import ceil
from typing import Literal

from fastapi import FastAPI, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from rrdnsd.web.access import CALLER, ROUTES, Access, Caller, Scope
from rrdnsd.web.attempts import Attempts
from rrdnsd.web.auth import WrongCredentials, identify
from rrdnsd.web.connection import connection_of
from rrdnsd.web.headers import with_security
from rrdnsd.web.origin import foreign_host, foreign_origin
from rrdnsd.web.problems import refusal

log = getLogger(__name__)

MOST_HEADERS = 32_768
"""Bytes of headers that are read; RFC 6585 has the answer to more."""

SEND_SECONDS = 30.0
"""How long a receiver may let a part of an answer wait."""

_PAGES = ("/dash", "/api/v1/docs")


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks each request before a route sees it. `inner` is the application that holds the routes `of`."""

    inner: ASGIApp
    of: FastAPI
    access: Access
    attempts: Attempts = field(default_factory=Attempts)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, with a refusal or with what the application says."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        request = Request(scope, receive)
        needed = _needed(self.of, scope)
        found = await self._look(request, needed) if needed else Caller()
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        scope[CALLER] = found
        await self.inner(scope, receive, _secured(send, connection_of(request).abort))

    async def _look(self, request: Request, needed: str) -> Caller | Response:
        """Return who calls, or why the call is refused."""
        if sum(len(name) + len(value) for name, value in request.scope["headers"]) > MOST_HEADERS:
            sentence = f"the headers are longer than {MOST_HEADERS} bytes"
            return refusal(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, sentence, headers={"Connection": "close"}
            )
        if needed in {"open", "peer", "endpoint"}:
            return Caller()
        try:
            caller = await identify(request, self.access.tokens, request.method)
        except WrongCredentials as why:
            if not self._is_the_proxys(request, needed):
                return self._unknown(request, str(why))
            caller = Caller()
        return _forbidden(request, needed, caller, self.access) or caller

    def _is_the_proxys(self, request: Request, needed: str) -> bool:
        """Tell of credentials that a reverse proxy has asked for and passed on, where none are needed."""
        kind = request.headers["authorization"].partition(" ")[0].lower()
        return kind == "basic" and needed == "read" and self.access.anonymous_read

    def _unknown(self, request: Request, sentence: str) -> Response:
        host = request.client.host if request.client else ""
        wait = self.attempts.failed(host, time.monotonic())
        if wait:
            return refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                "this address has shown wrong credentials too often",
                headers={"Retry-After": str(ceil(wait))},
            )
        log.warning("[api] %s may not %s %s: %s", host, request.method, request.url.path, sentence)
        return _unauthorized(request, sentence)


def _needed(app: FastAPI, scope: AsgiScope) -> Scope | Literal["nobody"] | None:
    """Return what right the route of a request needs; None if there is none, and the application says so."""
    for route in app.router.routes:
        if route.matches(scope)[0] is Match.FULL:
            return ROUTES.get((scope["method"], getattr(route, "path", "")), "nobody")
    return None


def _forbidden(request: Request, needed: str, caller: Caller, access: Access) -> Response | None:
    """Say why this caller may not have what is needed; None if it may."""
    match needed:
        case "read":
            return _may_read(request, caller, access)
        case "named":
            return None if caller.scope != "none" else _unauthorized(request, "this needs a token")
        case "write":
            return _may_write(request, caller, access.tokens)
        case _:
            return refusal(HTTPStatus.FORBIDDEN, "nobody may do this")


def _may_read(request: Request, caller: Caller, access: Access) -> Response | None:
    if caller.scope != "none":
        return None
    if not access.anonymous_read:
        return _unauthorized(request, "reading needs a token here")
    host = foreign_host(request.headers, access.hosts)
    if host is None:
        return None
    sentence = (
        f"without a token this node answers by its IP address only, not as {host}: "
        "show a token, or add the name to api.allowed_hosts"
    )
    return refusal(HTTPStatus.FORBIDDEN, sentence)


def _may_write(request: Request, caller: Caller, tokens: Sequence[object]) -> Response | None:
    if foreign_origin(request.headers):
        return refusal(HTTPStatus.FORBIDDEN, "a page of another site may not change anything here")
    if caller.scope == "write":
        return None
    if caller.scope == "read":
        return refusal(HTTPStatus.FORBIDDEN, f"the token of {caller.who} may read only")
    how = "a token of scope write" if tokens else "the Unix socket: api.tokens is empty"
    return _unauthorized(request, f"changes need {how}")


def _unauthorized(request: Request, sentence: str) -> Response:
    # A browser asks its user for a password only where a page was to be shown, never for what a script fetches.
    asks = request.method == "GET" and request.url.path.startswith(_PAGES)
    challenge = (
        'Basic realm="rrdnsd: the password is a token", charset="UTF-8"' if asks else 'Bearer realm="rrdnsd"'
    )
    return refusal(HTTPStatus.UNAUTHORIZED, sentence, headers={"WWW-Authenticate": challenge})


def _secured(send: Send, abort: Callable[[], None]) -> Send:
    """Complete the headers of what is sent, and give up a receiver that does not take it in."""

    async def completed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            wanted: Mapping[str, str] = with_security(headers.get("content-type", ""), dict(headers))
            for name, value in wanted.items():
                headers.setdefault(name, value)
            message = {**message, "headers": headers.raw}
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)
        except TimeoutError:
            abort()

    return completed
