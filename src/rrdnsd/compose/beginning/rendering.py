"""Writes a configuration as text: JSON, or TOML where the file's name says so; comments become TOML's own. Pure."""

import json
import re
from collections.abc import Iterator, Mapping

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def render(raw: Mapping[str, object], suffix: str) -> str:
    """Give the text of a file whose name ends with `suffix`."""
    if suffix.lower() != ".toml":
        return json.dumps(raw, indent=2, ensure_ascii=False) + "\n"
    return "\n".join(_toml(raw)) + "\n"


def _toml(raw: Mapping[str, object]) -> Iterator[str]:
    """Tables come after everything else, as TOML wants it."""
    tables = {key: value for key, value in raw.items() if _is_table(key, value)}
    yield from _lines({key: value for key, value in raw.items() if key not in tables})
    for name, items in tables.items():
        for item in items if isinstance(items, list) else []:
            yield ""
            yield f"[[{_key(name)}]]"
            yield from _lines(item)


def _lines(raw: Mapping[str, object]) -> Iterator[str]:
    for key, value in raw.items():
        yield f"# {' '.join(str(value).split())}" if key.startswith("_") else f"{_key(key)} = {_value(value)}"


def _is_table(key: str, value: object) -> bool:
    return (
        not key.startswith("_")
        and isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) for item in value)
    )


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: object) -> str:
    match value:
        case Mapping():
            inside = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
            return f"{{ {inside} }}"
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case str():
            return _text(value)
        case _:
            return json.dumps(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
