"""From a file to plain objects: JSON or TOML. Keys that start with an underscore are comments."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from rrdnsd.config.problem import Loc, Problem
from rrdnsd.errors import ConfigError

_DEEPEST = 40
_EDITOR_KEY = "$schema"  # editors find the JSON Schema by it
_JSON_FAULTS = {
    "Extra data": "something follows the end of the object",
    "Expecting value": "a value is missing",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": 'the ":" after a key is missing',
    "Unterminated string starting at": "the text that starts here has no closing quote",
    "Invalid control character at": "a line break or another control character stands inside a text",
}


def read(path: Path) -> tuple[dict[str, object], list[Problem]]:
    """Read a configuration file, its comments included; a name that ends with .toml is TOML, any other is JSON.

    The problems are those that do not keep the rest from being looked at: duplicate keys, broken text.

    Raises:
        ConfigError: the file cannot be read, or is not JSON or TOML at all.

    """
    text = _text(path)
    try:
        parsed = tomllib.loads(text) if path.suffix.lower() == ".toml" else _json(text)
    except json.JSONDecodeError as error:
        raise ConfigError(str(path), [_json_sentence(error)]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), [_toml_sentence(error)]) from None
    except RecursionError:
        raise ConfigError(str(path), ["is nested too deeply"]) from None
    except ValueError:
        raise ConfigError(str(path), ["holds a number that is too long"]) from None
    problems: list[Problem] = []
    clean = _clean(parsed, (), problems)
    if not isinstance(clean, dict):
        raise ConfigError(str(path), ["must be one JSON object, { ... }"])
    return clean, problems


def without_comments(whole: Mapping[str, object]) -> dict[str, object]:
    """Leave out keys that start with an underscore, and the one by which editors find the JSON Schema."""
    return {name: _without(value) for name, value in whole.items() if name[:1] != "_" and name != _EDITOR_KEY}


def _without(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without(item) for name, item in value.items() if name[:1] != "_"}
    return [_without(item) for item in value] if isinstance(value, list) else value


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [f"is not UTF-8 text (byte {error.start + 1})"]) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the name is malformed"
        raise ConfigError(str(path), [f"cannot be read: {why}"]) from None


def _json(text: str) -> object:
    """Parse JSON; each object becomes a tuple of pairs, so that duplicate keys can still be seen."""
    return json.loads(text, object_pairs_hook=tuple)


def _clean(value: object, loc: Loc, problems: list[Problem]) -> object:
    if len(loc) > _DEEPEST:
        problems.append(Problem(loc[:1], "is nested too deeply"))
        return None
    if isinstance(value, str):
        return _clean_text(value, loc, problems)
    if isinstance(value, list):
        return [_clean(item, (*loc, index), problems) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return _clean_object(value.items(), loc, problems)
    return _clean_object(value, loc, problems) if isinstance(value, tuple) else value


def _clean_object(
    pairs: Iterable[tuple[str, object]], loc: Loc, problems: list[Problem]
) -> dict[str, object]:
    clean: dict[str, object] = {}
    for key, value in pairs:
        if key.startswith("_"):
            clean[key] = _clean(value, (*loc, key), [])
            continue
        name = _clean_text(key, loc, problems)
        if name in clean:
            problems.append(Problem((*loc, name), "is given more than once"))
        clean[name] = _clean(value, (*loc, name), problems)
    return clean


def _clean_text(text: str, loc: Loc, problems: list[Problem]) -> str:
    if text.isascii():
        return text
    whole = text.encode(errors="replace").decode()
    if whole != text:
        problems.append(Problem(loc, "holds half of a character (a lone surrogate)"))
    return whole


def _json_sentence(error: json.JSONDecodeError) -> str:
    doc, comma = error.doc, _stray_comma(error.doc, error.pos)
    if not doc.strip():
        return "is empty"
    rest, fault = doc[error.pos :].lstrip(), _JSON_FAULTS.get(error.msg, error.msg)
    if comma is not None:
        error, fault = json.JSONDecodeError("", doc, comma), "this comma has nothing after it"
    elif not rest:
        fault = "the end of the file comes too early"
    elif rest.startswith(("//", "/*", "#")):
        fault = 'JSON has no comments, use a key that starts with "_"'
    return f"line {error.lineno}, column {error.colno}: not valid JSON: {fault}"


def _stray_comma(doc: str, near: int) -> int | None:
    """Find a comma right before a closing bracket; Pythons differ in which of the two they point at."""
    before = doc[:near].rstrip()
    comma = near if doc.startswith(",", near) else len(before) - 1
    after = doc[comma + 1 :].lstrip()
    return comma if doc.startswith(",", comma) and after.startswith(("]", "}")) else None


def _toml_sentence(error: tomllib.TOMLDecodeError) -> str:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|(end of document))\)", str(error), re.DOTALL)
    if not match:
        return f"not valid TOML: {error}"
    fault, line, column, _ = match.groups()
    where = f"line {line}, column {column}" if line else "at the end"
    return f"{where}: not valid TOML: {fault}"
