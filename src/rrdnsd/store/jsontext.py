"""JSON in a text column."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
"""A value that JSON can carry."""


def dump(value: Json) -> str:
    """Write a value; what JSON does not know becomes a plain object or its text, so this never raises for it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, default=_plain)


def load(text: str) -> Json:
    """Read what `dump` wrote.

    Raises:
        ValueError: it is no JSON.

    """
    value: Json = json.loads(text)
    return value


def dump_or_null(value: Json) -> str | None:
    """Write a value, and None as the NULL of SQL."""
    return None if value is None else dump(value)


def load_or_null(text: str | None) -> Json:
    """Read what `dump_or_null` wrote; None as well for text that the disk has damaged."""
    try:
        return None if text is None else load(text)
    except ValueError:
        return None


def clean(text: str) -> str:
    """Return the text as SQLite can take it: lone surrogates, which probes may read off the wire, become "?"."""
    return text.encode("utf-8", "replace").decode()


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)
