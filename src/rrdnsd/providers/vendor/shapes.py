"""Takes a vendor's JSON apart and believes nothing: a value of another type than documented is an error.

What a vendor left out, or shaped otherwise, must never be taken for "there are no records".
"""

from collections.abc import Mapping
from typing import TypeVar

from rrdnsd.errors import ProviderError

T = TypeVar("T", str, int, bool)

_KINDS: Mapping[type, str] = {str: "text", int: "a whole number", bool: "true or false"}


def mapping(value: object, where: str) -> Mapping[str, object]:
    """Give the JSON object, or raise ProviderError; `where` says whose answer it is."""
    if not isinstance(value, dict):
        raise ProviderError(f"{where}: expected an object, got {shown(value)}")
    return value


def items(data: Mapping[str, object], key: str, where: str) -> list[Mapping[str, object]]:
    """Give the list of objects under this key, or raise ProviderError."""
    value = data.get(key)
    if not isinstance(value, list):
        raise ProviderError(f'{where}: expected a list as "{key}", got {shown(value)}')
    return [mapping(item, f'{where}: "{key}"') for item in value]


def scalar(data: Mapping[str, object], key: str, kind: type[T], where: str) -> T:
    """Give the value of this very type under this key, or raise ProviderError."""
    value = data.get(key)
    if type(value) is not kind:  # isinstance would take true for a whole number
        raise ProviderError(f'{where}: expected {_KINDS[kind]} as "{key}", got {shown(value)}')
    return value


def shown(value: object) -> str:
    """Name what was found instead; never the value, which may be anything."""
    if value is None:
        return "nothing"
    named = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number"}
    return named.get(type(value), "a number")
