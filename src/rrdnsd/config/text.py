"""How values are shown in sentences: short, printable, on one line."""

import json
from datetime import date, time

HIDDEN = "(hidden)"
"""What stands for a secret."""

_LONGEST = 60
_MOST_BITS = 64


def quote(text: str) -> str:
    """Quote a text, with anything unprintable escaped and the tail of a long one cut off."""
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return json.dumps(short, ensure_ascii=not short.isprintable())


def show(value: object) -> str:
    """Describe a value of a configuration file: scalars as they are written, the others by their kind."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() <= _MOST_BITS else "a very large number"
    if value is None or isinstance(value, bool | float):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return "a date or time" if isinstance(value, date | time) else "something else"


def one_of(names: tuple[str, ...]) -> str:
    """Join alternatives: "a", "b" or "c"."""
    quoted = [quote(name) for name in names]
    if len(quoted) < 2:  # noqa: PLR2004 - one name needs no joining
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def count(number: int, noun: str) -> str:
    """Say how many: "1 service", "2 services", "3 addresses"."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
