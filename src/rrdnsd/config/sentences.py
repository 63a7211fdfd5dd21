"""Pydantic's errors in our own words: one sentence each, never a secret."""

from difflib import get_close_matches
from functools import cache
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from rrdnsd.config.problem import Loc, Problem
from rrdnsd.config.schema import SECRET_KEYS, Config, ServiceConfig
from rrdnsd.config.text import one_of, quote, show

_SILENT_KEYS = SECRET_KEYS | {
    "headers",
    "probe_options",
    "script_args",
    "send",
    "options",
    "update_options",
    "healthcheck",
}  # their values may be secrets, too
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_unicode": "text",
    "tuple_type": "a list",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_EMPTY = {
    "services": ", give at least one service with fqdn, zone, healthcheck and ipaddrs",
    "ipaddrs": ", give the addresses that provide the service",
    "nodes": ", give at least this node",
}
_LIMITS = {
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "string_too_long": "at most {max_length} characters",
}


def to_problem(error: ErrorDetails) -> Problem:
    """Reword one of pydantic's errors."""
    loc, kind = tuple(error["loc"]), error["type"]
    if loc and loc[-1] == "[key]":
        return Problem(loc[:-1], _sentence(kind, error, loc))
    return Problem(loc, _sentence(kind, error, loc))


@cache  # a file with one mistake in it often has it a thousand times
def nearest(word: str, known: tuple[str, ...]) -> str:
    """Return a hint at the known word that was probably meant, or ""."""
    close = get_close_matches(word.lower(), known, n=1)
    return f", did you mean {quote(close[0])}?" if close else ""


def _sentence(kind: str, error: ErrorDetails, loc: Loc) -> str:
    match kind:
        case "value_error":
            return str(error["ctx"]["error"])
        case "extra_forbidden":
            return _unknown_key(loc)
        case "missing":
            return "is required"
        case "too_short":
            return f"must not be empty{_EMPTY.get(str(loc[-1]), '')}"
        case "literal_error":
            return f"must be {_choices(error, loc)}"
        case _:
            return f"must be {_wanted(kind, error)}{_got(error, loc)}"


def _wanted(kind: str, error: ErrorDetails) -> str:
    if kind in _LIMITS:
        return _LIMITS[kind].format(**error["ctx"]).removesuffix(".0")
    return _KINDS.get(kind, "something else")


def _got(error: ErrorDetails, loc: Loc) -> str:
    return "" if _SILENT_KEYS.intersection(loc) else f", got {show(error['input'])}"


def _choices(error: ErrorDetails, loc: Loc) -> str:
    model = _model_at(loc[:-1])
    choices = _literals(model.model_fields[str(loc[-1])].annotation) if model else ()
    got = error["input"]
    hint = nearest(got, choices) if isinstance(got, str) else ""
    return f"{one_of(choices)}{_got(error, loc)}{hint}"


def _unknown_key(loc: Loc) -> str:
    key, model = str(loc[-1]), _model_at(loc[:-1])
    if model is not Config and key in Config.model_fields:
        return "unknown key here, it belongs at the top level"
    if model is Config and key in ServiceConfig.model_fields:
        return "unknown key here, it belongs in a service"
    return f"unknown key{nearest(key, tuple(model.model_fields)) if model else ''}"


def _model_at(loc: Loc) -> type[BaseModel] | None:
    """Find the model that describes a place of the file."""
    model: type[BaseModel] | None = Config
    for part in loc:
        if model and isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation)
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def _literals(annotation: object) -> tuple[str, ...]:
    return tuple(str(choice) for choice in get_args(annotation))
