"""Finds out who calls: by the Unix socket, by a Bearer token, or for reading by HTTP Basic with a token as password."""

import asyncio
import base64
import binascii
from collections.abc import Sequence

from starlette.requests import HTTPConnection

from rrdnsd.config import tokens
from rrdnsd.config.schema import TokenConfig
from rrdnsd.web.access import Caller
from rrdnsd.web.connection import connection_of, user_name


class WrongCredentials(Exception):  # noqa: N818 -- no error of this program: it carries an answer
    """What the caller shows does not count; the sentence says why, and never repeats it."""


async def identify(request: HTTPConnection, known: Sequence[TokenConfig], method: str) -> Caller:
    """Return who calls; a caller without a name if nothing is shown.

    Raises:
        WrongCredentials: something is shown that does not count.

    """
    uid = connection_of(request).uid
    if uid is not None:
        return Caller(await asyncio.to_thread(user_name, uid), "write", "socket")
    shown = request.headers.getlist("authorization")
    if not shown:
        return Caller()
    if len(shown) > 1:
        raise WrongCredentials("there is more than one Authorization header")
    kind, _, credentials = shown[0].partition(" ")
    return _by_token(_token(kind.lower(), credentials.strip(), method), known)


def _token(kind: str, credentials: str, method: str) -> str:
    if kind == "bearer":
        return credentials
    if kind != "basic":
        raise WrongCredentials('the Authorization header must be "Bearer" and a token')
    if method != "GET":
        raise WrongCredentials(
            'changes take "Authorization: Bearer" and a token: what a browser sends by itself does not count'
        )
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        raise WrongCredentials("the Authorization header is malformed") from None


def _by_token(token: str, known: Sequence[TokenConfig]) -> Caller:
    # Every hash is compared, the right one or not: the time tells nothing about which of them it was.
    found = [entry for entry in known if tokens.matches(token, entry.hash)]
    if not found:
        raise WrongCredentials("the token is not known to this node")
    return Caller(found[0].name, found[0].scope)
