"""Warns of certificates that are about to expire, as probes see them."""

import logging
from collections.abc import Callable, Sequence

from rrdnsd.core.expiry import Expiries, words
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.daemon import lines

log = logging.getLogger(__name__)

Tell = Callable[[EndpointKey, str], None]
"""Takes an endpoint and a sentence about its certificate."""


class CertificateWatch:
    """Looks at results; `tell` is called for each warning beside the log line."""

    def __init__(self, tell: Tell = lambda _key, _sentence: None) -> None:
        self._expiries = Expiries()
        self._tell = tell

    def note(self, results: Sequence[tuple[EndpointKey, ProbeResult]]) -> None:
        """Take in a batch of results."""
        for key, result in results:
            if result.cert_days is not None and self._expiries.is_due(key, result.cert_days):
                self._warn(key, result.cert_days)

    def keep_only(self, keys: frozenset[EndpointKey]) -> None:
        """Forget the endpoints that are no longer watched."""
        self._expiries.keep_only(keys)

    def _warn(self, key: EndpointKey, days: int) -> None:
        sentence = f"the certificate of {key.address} for {key.service} {words(days)}"
        log.warning("[probe] %s", sentence, extra=lines.about(key))
        self._tell(key, sentence)
