"""POST /heartbeat/{service}/{address}: where endpoints say that they are there."""

import time
from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from logging import getLogger
from math import ceil

from fastapi import FastAPI, Request, Response

from rrdnsd.config.addresses import endpoint_address
from rrdnsd.config.names import domain_name
from rrdnsd.core.model import EndpointKey
from rrdnsd.web.attempts import Attempts
from rrdnsd.web.problems import refusal

log = getLogger(__name__)

PATH = "/heartbeat/{service}/{address}"
LONGEST = 200
"""Characters of what an endpoint says of itself; the rest is cut off."""

SecretOf = Callable[[str], str]
"""Returns the secret of a service that is watched by heartbeats, "" for any other."""

Take = Callable[[EndpointKey, str], bool]
"""Takes in a call and what is wrong with the caller ("" if nothing); False if it is no endpoint of the service."""


def add_heartbeat(app: FastAPI, secret_of: SecretOf, take: Take) -> None:
    """Let the application take in the calls of endpoints, each with the secret of its service as a Bearer token."""
    attempts = Attempts()

    @app.post(PATH, include_in_schema=False)
    async def post_heartbeat(
        request: Request, service: str, address: str, status: str = "up", text: str = ""
    ) -> Response:
        key = _key(service, address)
        secret = secret_of(key.service) if key else ""
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        if key is None or not secret or kind.lower() != "bearer" or not _same(shown.strip(), secret):
            return _unknown(request, attempts)
        if status not in {"up", "down"}:
            return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, 'status must be "up" or "down"')
        trouble = (_printable(text) or "it says that it is down") if status == "down" else ""
        if not take(key, trouble):
            return refusal(HTTPStatus.NOT_FOUND, f"{key.address} is no endpoint of {key.service}")
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _key(service: str, address: str) -> EndpointKey | None:
    try:
        return EndpointKey(domain_name(service), endpoint_address(address))
    except ValueError:
        return None


def _same(shown: str, secret: str) -> bool:
    return compare_digest(shown.encode(), secret.encode())


def _unknown(request: Request, attempts: Attempts) -> Response:
    """Refuse, without telling whether there is such a service."""
    host = request.client.host if request.client else ""
    wait = attempts.failed(host, time.monotonic())
    if wait:
        sentence = "this address has shown wrong secrets too often"
        return refusal(HTTPStatus.TOO_MANY_REQUESTS, sentence, headers={"Retry-After": str(ceil(wait))})
    log.warning("[api] a heartbeat from %s is refused: the service or its secret is wrong", host)
    headers = {"WWW-Authenticate": 'Bearer realm="rrdnsd"'}
    return refusal(
        HTTPStatus.UNAUTHORIZED, "the service, the address or the secret is wrong", headers=headers
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:LONGEST]).strip()
