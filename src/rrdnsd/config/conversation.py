"""What of a conversation over TCP (`query_response`) may be a secret: any line that is no plain command."""

import re
from collections.abc import Iterable

from rrdnsd.config.text import HIDDEN

_HARMLESS = re.compile(
    r"([A-Za-z][0-9]+ )?(((EHLO|HELO|LHLO) [\w.\[\]:-]+)|QUIT|STARTTLS|STLS|NOOP|RSET|PING|CAPA|CAPABILITY|LOGOUT)\r?\n?",
    re.IGNORECASE,
)
_SHORTEST = 4


def is_harmless(sent: str) -> bool:
    """Tell if what is sent can be shown to anybody."""
    return _HARMLESS.fullmatch(sent) is not None


def secret_words(sent: Iterable[str]) -> tuple[str, ...]:
    """Return the words, the longest first, that must not be shown when an endpoint repeats them."""
    words = {
        word for text in sent if not is_harmless(text) for word in text.split() if len(word) >= _SHORTEST
    }
    return tuple(sorted(words, key=len, reverse=True))


def without(words: Iterable[str], shown: str) -> str:
    """Return a text without these words."""
    for word in words:
        shown = shown.replace(word, HIDDEN)
    return shown
