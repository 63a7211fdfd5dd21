"""POST /quorum/v1/message: where the peers' messages arrive."""

import ipaddress
from collections.abc import Callable

from fastapi import FastAPI, Request, Response

from rrdnsd.peers import wire
from rrdnsd.peers.inbox import Inbox
from rrdnsd.web.body import Unread, read_body
from rrdnsd.web.connection import connection_of

BODY_SECONDS = 5.0
"""How long a body may take to arrive. A message is one write of a peer that is alive."""


def add_quorum(app: FastAPI, inbox: Inbox, *, needs_certificate: bool = False) -> None:
    """Let the application take in what peers say.

    With `needs_certificate` a message counts only over a connection with the certificate of its sender.
    """

    @app.post(wire.PATH, include_in_schema=False)
    async def post_message(request: Request) -> Response:
        origin = request.client.host if request.client else ""
        try:
            body = await read_body(request, wire.MAX_BODY, BODY_SECONDS)
        except Unread as why:
            inbox.refuse(why.cause, origin, str(why))
            return Response(status_code=why.status, headers={"Connection": "close"})
        mac = request.headers.get(wire.MAC_HEADER, "")
        identity = _identity(request, needs_certificate=needs_certificate)
        answer = inbox.receive(body, mac, identity, origin)
        headers = {wire.MAC_HEADER: answer.mac} if answer.mac else {}
        return Response(answer.body, answer.status, headers, "application/json")


def _identity(request: Request, *, needs_certificate: bool) -> Callable[[str], bool]:
    """Tell if the client certificate of the connection belongs to a node."""
    certificate = connection_of(request).certificate
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
