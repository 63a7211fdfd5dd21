"""Every error of the HTTP interface in one shape: a sentence, and one more for each mistake in the request."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from rrdnsd.config.problem import path_text
from rrdnsd.config.sentences import nearest, to_problem
from rrdnsd.config.text import one_of, show
from rrdnsd.control.base import OrderError, Problem, Trouble
from rrdnsd.web.headers import with_security

log = logging.getLogger(__name__)

STATUS_OF: Mapping[Trouble, HTTPStatus] = {
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "not found": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
RETRY_SECONDS = 5
_MOST_SHOWN = 50
_WANTED = {
    "string_pattern_mismatch": "hold none but the characters that are allowed here",
    "string_too_short": "not be empty",
    "too_long": "have at most {max_length} items",
    "multiple_of": "be a multiple of {multiple_of}",
    "int_parsing": "be a whole number",
    "int_parsing_size": "be a smaller number",
    "float_parsing": "be a number",
}
_PLACES = {"query", "body", "path", "header"}


def refusal(
    status: HTTPStatus,
    sentence: str,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error as an answer."""
    told = [{"field": p.field, "sentence": p.sentence} for p in problems]
    body = json.dumps({"error": sentence, "problems": told}, separators=(",", ":"))
    return Response(body, status, with_security("application/json", headers or {}), "application/json")


def invalid(problems: Sequence[Problem]) -> Response:
    """Return what is wrong with a request."""
    shown = problems[:_MOST_SHOWN]
    sentence = "; ".join(f"{p.field}: {p.sentence}" if p.field else p.sentence for p in shown)
    return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, shown)


def reworded(errors: Iterable[ErrorDetails], known: Iterable[str]) -> list[Problem]:
    """Say pydantic's errors in our own words; `known` are the fields that there are."""
    fields = tuple(sorted(known))
    return [_reworded(error, fields) for error in errors]


def add_error_handlers(app: FastAPI) -> None:
    """Let the application give every error in this shape."""

    @app.exception_handler(OrderError)
    async def trouble(_request: Request, error: OrderError) -> Response:
        status = STATUS_OF[error.trouble]
        headers = {"Retry-After": str(RETRY_SECONDS)} if error.trouble == "unavailable" else {}
        return refusal(status, str(error), error.problems, headers)

    @app.exception_handler(RequestValidationError)
    async def unusable(request: Request, error: RequestValidationError) -> Response:
        return invalid(reworded(error.errors(), _parameters(request)))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        return refusal(status, _plain_sentence(request, status, error), headers=error.headers)

    @app.exception_handler(Exception)
    async def bug(request: Request, _error: Exception) -> Response:
        # The server itself writes the traceback to the log.
        sentence = "this is a bug in rrdnsd: the log tells more"
        log.error("[api] bug while answering %s %s", request.method, request.url.path)
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, sentence)


def _parameters(request: Request) -> set[str]:
    """Return the names that may stand after the question mark of this request."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    models = [parameter.field_info.annotation for parameter in getattr(dependant, "query_params", ())]
    return {name for model in models for name in getattr(model, "model_fields", ())}


def _plain_sentence(request: Request, status: HTTPStatus, error: HTTPException) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return "there is nothing at this path; see /api/v1/docs"
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{request.method} means nothing here, {allowed} does"
    return str(error.detail)


def _reworded(error: ErrorDetails, known: tuple[str, ...]) -> Problem:
    loc = tuple(error["loc"])
    if loc and loc[0] in _PLACES:
        loc = loc[1:]
    if error["type"] == "json_invalid":
        return Problem("", f"the body is not valid JSON: {error['ctx']['error']}")
    return Problem(path_text(loc), _sentence({**error, "loc": loc}, known))


def _sentence(error: ErrorDetails, known: tuple[str, ...]) -> str:
    kind, context, got = error["type"], error.get("ctx", {}), show(error["input"])
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        return f"unknown{nearest(name, known) or ', known: ' + ', '.join(known)}"
    if kind == "literal_error":
        choices = tuple(word.strip("' ") for word in context["expected"].replace(" or ", ",").split(","))
        return f"must be {one_of(choices)}, got {got}{nearest(str(error['input']), choices)}"
    if kind.startswith("model_") and not error["loc"]:
        return "the body must be one JSON object"
    if kind.startswith(("datetime_", "timezone_")):
        return f'must be a time with its offset from UTC, e.g. "2030-01-31T18:00:00+01:00", got {got}'
    if kind in _WANTED:
        return f"must {_WANTED[kind].format(**context)}, got {got}"
    return to_problem(error).sentence
