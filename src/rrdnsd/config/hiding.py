"""Which texts of a configuration are secrets: what nobody is shown who looks at it later.

A key of ours that holds a secret is known. Elsewhere names and texts are judged, rather too strictly than not:
headers and options are named by others, and a conversation may hold a password in any line.
"""

import re
from collections.abc import Callable, Mapping

from rrdnsd.config.conversation import is_harmless
from rrdnsd.config.schema import SECRET_KEYS
from rrdnsd.config.text import HIDDEN

Place = tuple[str, ...]
"""The keys that lead to a text; an item of a list has its name, or its number."""

_NAME = re.compile(r"auth|cookie|token|secret|key|password|passwd|signature|credential", re.IGNORECASE)
_SCHEME = re.compile(r"(basic|bearer|digest|negotiate|token)\s", re.IGNORECASE)  # RFC 9110, section 11
_URL = re.compile(r"://[^/\s@]+@|[?&][^=&]*(auth|token|secret|key|pass|sig)[^=&]*=", re.IGNORECASE)
_OPTIONS = frozenset({"options", "update_options", "probe_options"})


def hide(value: object, instead: Callable[[Place], str]) -> object:
    """Return a configuration, or a part of one, in which `instead` stands for each secret.

    References to variables and files are none. Comments (keys that begin with an underscore) are judged alike,
    since they often hold what was in force before.
    """
    return _hide(value, (), instead, secret=False)


def masked(value: object) -> object:
    """Return a configuration, or what holds parts of one, without its secrets."""
    return hide(value, lambda _place: HIDDEN)


def _hide(value: object, place: Place, instead: Callable[[Place], str], *, secret: bool) -> object:
    if isinstance(value, Mapping):
        return {
            key: _hide(item, (*place, key), instead, secret=secret or _is_named_so(place, key))
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            _hide(item, (*place, _label(item, index)), instead, secret=secret)
            for index, item in enumerate(value)
        ]
    if (
        isinstance(value, str)
        and value
        and not _is_reference(place, value)
        and (secret or _says(place, value))
    ):
        return instead(place)
    return value


def _is_named_so(place: Place, key: str) -> bool:
    """Tell if all that stands under this key is secret."""
    name = key.lstrip("_")
    if _within(place, {"headers"}):
        return _within(place, {"notifiers"}) or bool(_NAME.search(name))
    if _within(place, _OPTIONS):
        return bool(_NAME.search(name))
    return name in SECRET_KEYS


def _says(place: Place, text: str) -> bool:
    """Tell if a text is secret by what it says."""
    if _within(place, {"headers"}):
        return bool(_SCHEME.match(text))
    if _within(place, _OPTIONS):
        return bool(_URL.search(text))
    return place[-1:] == ("send",) and not is_harmless(text)


def _is_reference(place: Place, text: str) -> bool:
    # Headers and conversations know variables only; anything else is what they send.
    sent = place[-1:] == ("send",) or _within(place, {"headers"})
    return text.startswith("env:") or (text.startswith("file:") and not sent)


def _within(place: Place, keys: frozenset[str] | set[str]) -> bool:
    return any(part.lstrip("_") in keys for part in place)


def _label(item: object, index: int) -> str:
    """Name an item of a list as its owner does, so that a variable's name says whose secret it is."""
    named = (item.get("fqdn") or item.get("name")) if isinstance(item, Mapping) else None
    return named if isinstance(named, str) else str(index)
