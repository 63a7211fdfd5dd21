"""Names and addresses as JSON Schema can tell them: what is checked by code looks like any text to it."""

from collections.abc import Mapping
from typing import Any

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = rf"(?:{_LABEL}\.)*{_LABEL}"
_BYTE = "(?:[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])"
_IPV4 = rf"(?:[1-9]|[1-9][0-9]|1[0-9][0-9]|2[01][0-9]|22[0-3])(?:\.{_BYTE}){{3}}"
_HEX = "[0-9A-Fa-f]{1,4}"
_FIRST = "(?:[23][0-9A-Fa-f]{3}|[Ff][CcDd][0-9A-Fa-f]{2})"  # global and unique local unicast
_SHORT = "|".join(
    rf"{_FIRST}(?::{_HEX}){{{n}}}::" + (rf"(?:{_HEX}(?::{_HEX}){{0,{5 - n}}})?" if n <= 5 else "")  # noqa: PLR2004 -- of eight groups
    for n in range(7)
)
_IPV6 = rf"(?:{_FIRST}(?::{_HEX}){{7}}|{_SHORT})"
_PORT = "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4})"

NAME = {"type": "string", "maxLength": 253, "pattern": rf"^(?!(?:[0-9]+\.){{3}}[0-9]+$){_NAME}$"}
ADDRESS = {"type": "string", "pattern": f"^(?:{_IPV4}|{_IPV6})$"}
NODE = {"type": "string", "pattern": f"^(?:{_IPV4}|\\[{_IPV6}\\]):{_PORT}$"}
LABEL = {"type": "string", "maxLength": 64, "pattern": "^[ -~]*$"}

_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "service": NAME,
    "fqdn": NAME,
    "zone": NAME,
    "host": NAME,
    "address": ADDRESS,
    "node": NODE,
    "label": LABEL,
}


def precise(field: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a field with what is known of texts in a field of this name."""
    told = dict(schema)
    if field == "to":
        told["items"] = ADDRESS
    elif told.get("type") == "string":
        told.update(_FORMATS.get(field, {}))
    elif "anyOf" in told:
        told["anyOf"] = [precise(field, option) for option in told["anyOf"]]
    return told


def without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which can be left out and cannot be null."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) != 1:
        return dict(schema)
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **options[0]}
