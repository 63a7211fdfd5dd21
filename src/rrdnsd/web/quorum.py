"""POST /quorum/v1/message: where the peers' messages arrive."""

import asyncio
import ipaddress
from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from rrdnsd.peers import wire
from rrdnsd.peers.inbox import Inbox
from rrdnsd.web.server import PEER_CERTIFICATE

TOO_LARGE, TOO_SLOW, CUT_OFF = 413, 408, 400
BODY_SECONDS = 5.0
"""How long a body may take to arrive. A message is one write of a peer that is alive."""


class _Unread(Exception):  # noqa: N818 -- no error of this program: it carries an answer
    """A body that does not come, or is more than is read."""

    def __init__(self, status: int, cause: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.cause = cause


def add_quorum(app: FastAPI, inbox: Inbox, *, needs_certificate: bool = False) -> None:
    """Let the application take in what peers say.

    With `needs_certificate` a message counts only over a connection with the certificate of its sender.
    """

    @app.post(wire.PATH, include_in_schema=False)
    async def post_message(request: Request) -> Response:
        origin = request.client.host if request.client else ""
        try:
            body = await _body(request)
        except _Unread as why:
            inbox.refuse(why.cause, origin, str(why))
            return Response(status_code=why.status, headers={"Connection": "close"})
        mac = request.headers.get(wire.MAC_HEADER, "")
        identity = _identity(request, needs_certificate=needs_certificate)
        answer = inbox.receive(body, mac, identity, origin)
        headers = {wire.MAC_HEADER: answer.mac} if answer.mac else {}
        return Response(answer.body, answer.status, headers, "application/json")


async def _body(request: Request) -> bytes:
    """Read a body of bounded size within a bounded time."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > wire.MAX_BODY:
                    raise _Unread(TOO_LARGE, "oversized", f"it is larger than {wire.MAX_BODY} bytes")
    except TimeoutError:
        raise _Unread(TOO_SLOW, "slow", f"its body did not arrive within {BODY_SECONDS:g} s") from None
    except ClientDisconnect:
        raise _Unread(CUT_OFF, "cut off", "the connection ended before its body did") from None
    return bytes(body)


def _identity(request: Request, *, needs_certificate: bool) -> Callable[[str], bool]:
    """Tell if the client certificate of the connection belongs to a node."""
    certificate = request.scope.get(PEER_CERTIFICATE)
    if certificate is None:
        return lambda _node: not needs_certificate
    names = {value for kind, value in certificate.get("subjectAltName", ()) if kind in {"IP Address", "DNS"}}
    return lambda node: _host(node) in {_canonical(name) for name in names}


def _host(node: str) -> str:
    return _canonical(node.rpartition(":")[0].strip("[]"))


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()
