"""The description of the interface by the OpenAPI 3.1 standard, made when it is asked for the first time.

FastAPI describes paths and parameters. Bodies and answers are added here: were they given to FastAPI, it would
build a validator for each of them that nothing uses, and keep it for good.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from rrdnsd.config.schema import ServiceConfig
from rrdnsd.control.orders import ORDERS, Order
from rrdnsd.control.reports import EventReport, Outcome
from rrdnsd.web.access import API, ROUTES
from rrdnsd.web.answers import JSON, adapter_of
from rrdnsd.web.examples import EXAMPLES
from rrdnsd.web.formats import precise, without_null
from rrdnsd.web.reads import ANSWERS
from rrdnsd.web.streams import MEDIA_TYPE

_REF = "#/components/schemas/{model}"
_ABOUT = (
    "What operators may see and change. Times are epoch seconds (UTC), durations are seconds unless a name ends in"
    " `_ms`. Every error has the same shape: a sentence, and one more for each mistake in the request."
)
_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token that `rrdnsd token new` made and `api.tokens` names.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "For browsers, GET only: the password is a token, the user name is ignored.",
    },
}
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "One mistake in a request: the field, empty for the whole, and the sentence about it.",
    "properties": {"field": {"type": "string"}, "sentence": {"type": "string"}},
    "required": ["field", "sentence"],
}
_ERROR = {
    "type": "object",
    "title": "Error",
    "properties": {
        "error": {"type": "string", "description": "What is wrong, in one line."},
        "problems": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
    },
    "required": ["error", "problems"],
    "example": {
        "error": "address: 192.0.2.9 is no endpoint of www.example.org",
        "problems": [{"field": "address", "sentence": "192.0.2.9 is no endpoint of www.example.org"}],
    },
}
_TROUBLE = {
    400: "The request is malformed",
    401: "It takes a token, or another one",
    403: "The token, or the page that asks, may not do this",
    404: "What is named is not known",
    405: "There is no such method here",
    408: "The body did not come in time",
    409: "It does not fit the present state",
    413: "The body is larger than 1 MiB",
    415: "The body is not declared as JSON",
    422: "The request has mistakes, all of which are told",
    429: "Wrong credentials were shown too often",
    431: "The headers are too long",
    503: "It may work later",
}
_ON_READING = (400, 401, 403, 404, 405, 422, 429, 431, 503)


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description. This takes some tenths of a second."""
    made = get_openapi(title="rrdnsd", version=app.version, description=_ABOUT, routes=app.routes)
    made["paths"] = {path: item for path, item in made["paths"].items() if _is_told(path)}
    parts: dict[str, Any] = {"Problem": _PROBLEM, "Error": _ERROR}
    for order in ORDERS:
        _describe_order(made["paths"][f"{API}/{order.path}"]["post"], order, parts)
    for path, item in made["paths"].items():
        if "get" in item:
            _describe_read(item["get"], path, parts)
    made["components"] = {"schemas": parts, "securitySchemes": _SECURITY}
    return made


def _is_told(path: str) -> bool:
    return path.startswith((f"{API}/", "/health"))


def _describe_order(operation: dict[str, Any], order: type[Order], parts: dict[str, Any]) -> None:
    _, schema = models_json_schema([(order, "validation")], ref_template=_REF)
    parts.update(schema["$defs"])
    properties = parts[order.__name__]["properties"]
    properties.update({name: precise(name, prop) for name, prop in properties.items()})
    if "config" in order.model_fields:
        parts.update(_service_schema())
        properties["config"] = {"$ref": _REF.format(model="ServiceConfig")}
    operation["requestBody"] = {
        "required": True,
        "content": {
            JSON: {"schema": {"$ref": _REF.format(model=order.__name__)}, "example": EXAMPLES[order]}
        },
    }
    operation["responses"] = {"200": _answer(Outcome, parts, "What became of it"), **_errors(_TROUBLE)}
    operation["security"] = [{"bearer": []}]


def _describe_read(operation: dict[str, Any], path: str, parts: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = without_null(precise(parameter["name"], parameter["schema"]))
    ways: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}]
    needed = ROUTES["GET", path]
    operation["security"] = {"open": [], "read": [*ways, {}]}.get(needed, ways)
    right = _answer(ANSWERS[path], parts, "As asked") if path in ANSWERS else _other(path, parts)
    operation["responses"] = {"200": right, **_errors(_ON_READING)}
    if path == "/health/ready":
        operation["responses"]["503"] = {**right, "description": "Not yet, or not now"}


def _answer(kind: type, parts: dict[str, Any], words: str) -> dict[str, Any]:
    schema = adapter_of(kind).json_schema(mode="serialization", ref_template=_REF)
    parts.update(schema.pop("$defs", {}))
    parts[kind.__name__] = schema
    return {"description": words, "content": {JSON: {"schema": {"$ref": _REF.format(model=kind.__name__)}}}}


def _other(path: str, parts: dict[str, Any]) -> dict[str, Any]:
    """Describe what is answered with something else than a report."""
    if path.endswith("/stream"):
        _answer(EventReport, parts, "")
        words = "Server-sent events; the data of each is JSON: an EventReport, or `revision`"
        return {"description": words, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
    if path.endswith(".json"):
        return {"description": "This description", "content": {JSON: {"schema": {"type": "object"}}}}
    return {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}


def _errors(statuses: Mapping[int, str] | tuple[int, ...]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {
        str(status): {"description": _TROUBLE[status], "content": {JSON: {"schema": schema}}}
        for status in statuses
    }


def _service_schema() -> dict[str, Any]:
    schema = ServiceConfig.model_json_schema(ref_template=_REF)
    return {**schema.pop("$defs", {}), "ServiceConfig": schema}
