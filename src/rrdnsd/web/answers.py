"""Reports as JSON."""

import json
from functools import cache
from typing import Any

from fastapi import Response
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

JSON = "application/json"


def answer(report: object) -> Response:
    """Return a report as an answer."""
    return Response(as_json(report), media_type=JSON)


def as_json(report: object) -> bytes:
    """Write a report, a dataclass, as JSON."""
    adapter = adapter_of(type(report))  # type: ignore[arg-type]  # mypy takes no class for hashable
    try:
        return adapter.dump_json(report)
    except PydanticSerializationError:
        # What probes read off the wire may hold half of a character, which UTF-8 cannot carry and an escape can.
        return json.dumps(adapter.dump_python(report, mode="python")).encode()


@cache
def adapter_of(kind: type[Any]) -> TypeAdapter[Any]:
    """Return what knows how a report is written."""
    return TypeAdapter(kind)
