"""One mistake in a configuration: where it is and the sentence that tells it."""

import re
from typing import NamedTuple

from rrdnsd.config.text import quote

Loc = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Problem(NamedTuple):
    """A mistake at `loc`. `about` names more places it was concluded from: if one of those is wrong in
    itself, the conclusion is worth nothing and is not shown.
    """

    loc: Loc
    sentence: str
    about: tuple[Loc, ...] = ()


def visible(loc: Loc, raw: object) -> Loc:
    """Cut a place down to what the file really holds: a bare address has no key `address` inside."""
    for depth, part in enumerate(loc):
        if isinstance(raw, dict) and isinstance(part, str):
            raw = raw.get(part)
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        elif raw is not None:  # what holds nothing may have been meant to hold this
            return loc[:depth]
    return loc


def position(loc: Loc, raw: object) -> tuple[int, ...]:
    """Return a key that sorts places in the order of the file."""
    order: list[int] = []
    for part in loc:
        if isinstance(raw, dict) and part in raw:
            order.append(list(raw).index(part))
            raw = raw[part]
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            order.append(part)
            raw = raw[part]
        else:
            order.append(len(raw) if isinstance(raw, dict | list) else 0)
            break
    return tuple(order)


def path_text(loc: Loc) -> str:
    """Write a place as operators read it: services[2].ttl."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{quote(part)}]"
    return text


def prefixes(loc: Loc) -> set[Loc]:
    """Return a place and all that it lies in, the file as a whole left out."""
    return {loc[:depth] for depth in range(1, len(loc) + 1)}
