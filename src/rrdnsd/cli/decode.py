"""Answers of the API as the reports of `rrdnsd.control`, with nothing in them that could steer a terminal."""

import json
from typing import TypeVar

from rrdnsd.cli.exits import CommandError

T = TypeVar("T")


def decode(kind: type[T], content: bytes | str, *, for_people: bool = True) -> T:
    """Return an answer as a report; `for_people`, what is not printable is escaped.

    Raises:
        CommandError: it is none, as of a daemon of another version.

    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - the command line starts without pydantic

    try:
        read = json.loads(content)
        return TypeAdapter(kind).validate_python(printable(read) if for_people else read)
    except (ValueError, ValidationError) as error:
        where = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ""
        raise CommandError(
            f"the answer is not understood ({kind.__name__} {where}): is the daemon of another version?"
        ) from None


def printable(value: object) -> object:
    """Escape what is no printable text, in whatever was read from JSON."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(map(_escaped, value))
    if isinstance(value, list):
        return [printable(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return value


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()
