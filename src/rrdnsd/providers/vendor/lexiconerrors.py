"""What the vendors' modules of dns-lexicon raise, as sentences: they raise anything, and URLs show tokens."""

import re
import time
from collections.abc import Collection
from dataclasses import dataclass

from rrdnsd.errors import ProviderError
from rrdnsd.providers.vendor import sentences
from rrdnsd.providers.vendor.limits import wait_asked

_ABOUT_ONE = frozenset({400, 404, 409, 422})
_TOO_MANY = 429
_UNASKED = 60.0
_URL = re.compile(r"(https?://[^\s/?'\"]+)[^\s'\"]*")
_PATH = re.compile(r"with url: \S+")  # how urllib3 words it
_TRANSPORT = frozenset(
    {"ConnectionError", "ConnectTimeout", "ReadTimeout", "SSLError", "ChunkedEncodingError"}
)


class RefusedError(ProviderError):
    """The vendor does not take one record; others may be written."""


@dataclass(slots=True)
class Waiting:
    """Remembers until when a vendor wants to be left alone."""

    until: float = float("-inf")

    def check(self, host: str) -> None:
        """Raise ProviderError while that time is not over."""
        rest = self.until - time.monotonic()
        if rest > 0:
            raise ProviderError(sentences.still_waiting(host, rest), rest)

    def explain(self, host: str, error: Exception, timeout: float, secrets: Collection[str]) -> ProviderError:
        """Make a sentence of what was raised, without secrets and without the paths of URLs."""
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            return ProviderError(sentences.silent(host, timeout))
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if not isinstance(status, int):
            return _unanswered(host, error, secrets)
        said = _said(response, secrets)
        if status in _ABOUT_ONE:
            return RefusedError(sentences.refused(host, status, said))
        wait = wait_asked(dict(getattr(response, "headers", {})), time.time())
        if status == _TOO_MANY:
            wait = _UNASKED if wait is None else wait
            self.until = time.monotonic() + wait
        return ProviderError(sentences.failed(host, status, said, wait), wait)


def _unanswered(host: str, error: Exception, secrets: Collection[str]) -> ProviderError:
    kind = type(error).__name__
    text = sentences.without(secrets, " ".join(str(error).split()))
    text = _URL.sub(r"\1", _PATH.sub("", text))[:300]
    if kind in _TRANSPORT:
        return ProviderError(f"{host} cannot be reached ({kind}: {text})")
    if kind == "AuthenticationError":
        return ProviderError(f"{host} does not let rrdnsd in: {text or 'check the credentials and the zone'}")
    if isinstance(error, KeyError | ValueError | TypeError | AttributeError | IndexError):
        return ProviderError(
            f"{host} answers with something that dns-lexicon does not understand ({kind}: {text})"
        )
    return RefusedError(f"{host}: {kind}: {text}" if text else f"{host}: {kind}")


def _said(response: object, secrets: Collection[str]) -> str:
    try:
        return sentences.said(response.json(), secrets)  # type: ignore[attr-defined] # a requests.Response
    except Exception:  # noqa: BLE001 -- an error page, or no Response at all
        return ""
