"""Gives every HTTP request that a thread makes by the library `requests` a limit of time and of size.

dns-lexicon's providers call `requests` without a timeout and read answers of any size. Only threads inside
`bounded` are touched; in all others `requests` is as it was.
"""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer, unpacked."""

_MARK = "_rrdnsd_bounded"
_CHUNK = 65536


@contextlib.contextmanager
def bounded(each: float, together: float) -> Iterator[None]:
    """Limit the requests of this thread, within the block: seconds for each, and for all of them."""
    limits = _installed()
    limits.each, limits.until = each, time.monotonic() + together
    try:
        yield
    finally:
        limits.until = None


def _installed() -> Any:  # noqa: ANN401 -- threading.local has the attributes that one gives it
    """Put the limits into the one place through which `requests` sends everything, once."""
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 -- a library of the extra only

    limits = getattr(HTTPAdapter.send, _MARK, None)
    if limits is None:
        limits = threading.local()
        send = _limited(HTTPAdapter.send, limits)
        setattr(send, _MARK, limits)
        HTTPAdapter.send = send  # type: ignore[method-assign] # that is the point
    return limits


def _limited(send: Callable[..., Any], limits: Any) -> Callable[..., Any]:  # noqa: ANN401 -- see above
    @functools.wraps(send)
    def limited(
        self: object,
        request: object,
        stream: bool = False,
        timeout: object = None,
        *rest: object,
        **more: object,
    ) -> Any:  # noqa: ANN401 -- what requests returns
        until = getattr(limits, "until", None)
        if until is None:
            return send(self, request, stream, timeout, *rest, **more)
        until = min(until, time.monotonic() + limits.each)
        response = send(self, request, True, _left(until), *rest, **more)
        if not stream:
            _read(response, until)
        return response

    return limited


def _read(response: Any, until: float) -> None:  # noqa: ANN401 -- a requests.Response
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > LARGEST:
            response.close()
            raise OSError(f"an answer of more than {LARGEST // 1_048_576} MiB, which is no list of records")
        _left(until)
    response._content = bytes(body)  # noqa: SLF001 -- where requests itself keeps what it has read


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
