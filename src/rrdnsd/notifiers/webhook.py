"""`webhook`: posts the document as JSON, signed if there is a secret."""

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from rrdnsd import __version__
from rrdnsd.errors import ConfigError, NotifierError
from rrdnsd.notifiers import signature
from rrdnsd.notifiers.base import NotifierSpec
from rrdnsd.notifiers.message import Message
from rrdnsd.notifiers.retryafter import seconds

if TYPE_CHECKING:
    import aiohttp

_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_REDIRECTS = range(300, 400)


def build(spec: NotifierSpec) -> "Webhook":
    """Make the notifier.

    Raises:
        ConfigError: it has no URL, or a secret that is no key.

    """
    if not spec.url.startswith(("http://", "https://")):
        raise ConfigError(f"notifier {spec.name}", ["url: must begin with https:// or http://"])
    try:
        return Webhook(spec, signature.key_of(spec.secret))
    except ValueError as error:
        raise ConfigError(f"notifier {spec.name}", [f"secret: {error}"]) from None


@dataclass(frozen=True, slots=True)
class Webhook:
    """One receiver."""

    spec: NotifierSpec
    key: bytes

    async def send(self, message: Message) -> str:
        """Post it; whatever is not 2xx is a failure. The receiver's own words are not repeated: they may hold secrets.

        Raises:
            NotifierError: see above.

        """
        import aiohttp  # noqa: PLC0415 -- its 9 MB are for those who use it

        body = message.body
        headers = {
            **dict(self.spec.headers),
            "Content-Type": "application/json",
            "User-Agent": f"rrdnsd/{__version__}",
            **signature.headers(self.key, message.id, int(time.time()), body),
        }
        timeout = aiohttp.ClientTimeout(total=self.spec.timeout)
        # A session for each message: they are rare, and nothing stays open between them.
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http,
                http.post(self.spec.url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return _judge(answer.status, answer.headers.get("Retry-After", ""))
        except TimeoutError:
            raise NotifierError(f"no answer within {self.spec.timeout:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotifierError(_reason(error)) from None


def _judge(status: int, retry_after: str) -> str:
    said = f"HTTP status {status}"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return said
    if status in _REDIRECTS:
        raise NotifierError(f"{said}: redirects are not followed, give the final URL", final=True)
    final = status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _AGAIN
    raise NotifierError(said, seconds(retry_after, time.time()), final=final)


def _reason(error: "aiohttp.ClientError | OSError | ValueError") -> str:
    """Say what went wrong without the URL, which the library's own sentences repeat."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    words = getattr(inner, "verify_message", "") or getattr(inner, "strerror", "") or type(error).__name__
    return f"no connection: {words}"
