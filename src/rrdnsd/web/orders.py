"""What changes something: a POST for each order, all taken in alike."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rrdnsd.control.base import Control
from rrdnsd.control.orders import ORDERS, Order
from rrdnsd.web.access import API, caller
from rrdnsd.web.answers import JSON, answer
from rrdnsd.web.body import Unread, read_body
from rrdnsd.web.problems import invalid, refusal, reworded

MOST_BYTES = 1_048_576
BODY_SECONDS = 5.0


def add_orders(app: FastAPI, control: Control) -> None:
    """Add a route for each order there is."""
    for kind in ORDERS:
        app.add_api_route(
            f"{API}/{kind.path}",
            _taker(kind, control),
            methods=["POST"],
            name=kind.path.replace("/", "_"),
            description=kind.__doc__,
            tags=["change"],
        )


def _taker(kind: type[Order], control: Control) -> Callable[[Request], Awaitable[Response]]:
    async def take(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != JSON:
            return refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body must be JSON, with Content-Type: {JSON}"
            )
        try:
            body = await read_body(request, MOST_BYTES, BODY_SECONDS)
        except Unread as why:
            return refusal(why.status, f"the body cannot be used: {why}", headers={"Connection": "close"})
        try:
            order = _read(kind, body)
        except ValidationError as error:
            return invalid(reworded(error.errors(include_url=False), kind.model_fields))
        return answer(await control.order(order, caller(request).who))

    return take


def _read(kind: type[Order], body: bytes) -> Order:
    try:
        return kind.model_validate_json(body, strict=True)
    except ValidationError as error:
        # To JSON Schema 5.0 is a whole number, and some languages write all numbers so.
        found = [wrong for wrong in error.errors(include_url=False) if _is_whole(wrong)]
        if not found:
            raise
    given = json.loads(body)
    for wrong in found:
        holder = given
        for part in wrong["loc"][:-1]:
            holder = holder[part]
        holder[wrong["loc"][-1]] = int(wrong["input"])
    return kind.model_validate_json(json.dumps(given), strict=True)


def _is_whole(error: ErrorDetails) -> bool:
    value = error["input"]
    return error["type"] == "int_type" and isinstance(value, float) and value.is_integer()
