"""The configuration as a JSON Schema, for editors and for the documentation."""

from collections.abc import Iterator
from typing import Any

from rrdnsd.config.schema import Config

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_INHERITED = {"default_text": "the top-level value"}
_OWN_WORDS = ("unit", "default_text")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema: standard words only, units told in the descriptions."""
    schema = described_schema()
    for _, properties in _objects(schema):
        for prop in properties.values():
            unit, default = (prop.pop(word, None) for word in _OWN_WORDS)
            notes = [f"Unit: {unit}." if unit else "", f"Default: {default}." if default else ""]
            prop["description"] = " ".join([prop["description"], *filter(None, notes)])
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return {"$schema": _DIALECT, **schema}


def described_schema() -> dict[str, Any]:
    """Return the schema with two words of our own: `unit`, and `default_text` for a default in prose."""
    schema = Config.model_json_schema()
    top = schema["properties"]
    for _, properties in _objects(schema):
        for name, prop in properties.items():
            prop.pop("title", None)
            for option in prop.get("anyOf", ()):
                _hoist(option, prop)
            if properties is not top and name in top and "description" not in prop:
                _inherit(prop, top[name])
    return schema


def _objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield schema["title"], schema["properties"]
    for name, definition in schema["$defs"].items():
        yield name, definition["properties"]


def _hoist(option: dict[str, Any], prop: dict[str, Any]) -> None:
    if "unit" in option:
        prop.setdefault("unit", option.pop("unit"))


def _inherit(prop: dict[str, Any], above: dict[str, Any]) -> None:
    """Tell of a key that exists at the top level too what is told there."""
    prop["description"] = above["description"]
    if "unit" in above:
        prop["unit"] = above["unit"]
    if prop.get("default") is None:
        prop.update(_INHERITED)
