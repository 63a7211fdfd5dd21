"""Reads the body of a request: of bounded size, within a bounded time."""

import asyncio
from http import HTTPStatus

from fastapi import Request
from starlette.requests import ClientDisconnect


class Unread(Exception):  # noqa: N818 -- no error of this program: it carries an answer
    """A body that does not come, or is more than is read. `cause` is a word for counters."""

    def __init__(self, status: HTTPStatus, cause: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.cause = cause


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """Return the body, at most so many bytes of it, if it comes within so many seconds.

    Raises:
        Unread: it is larger, or slower, or cut off.

    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Unread(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "oversized", f"it is larger than {most} bytes"
                    )
    except TimeoutError:
        raise Unread(
            HTTPStatus.REQUEST_TIMEOUT, "slow", f"its body did not arrive within {seconds:g} s"
        ) from None
    except ClientDisconnect:
        raise Unread(HTTPStatus.BAD_REQUEST, "cut off", "the connection ended before its body did") from None
    return bytes(body)
