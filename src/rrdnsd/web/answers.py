"""Reports as JSON."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

from fastapi import Response
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from rrdnsd.control.reports import StatusReport
from rrdnsd.turns import ReaderTurns

JSON = "application/json"

_NO_SERVICES = b'"services":[]'
"""No text within JSON looks like this: quotes are escaped there."""


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
        return json.dumps(adapter.dump_python(report, mode="python"), separators=(",", ":")).encode()


async def overview_json(report: StatusReport, turns: ReaderTurns) -> bytes:
    """Write a report on all services as JSON, a service after the other."""
    services = []
    for service in report.services:
        services.append(as_json(service))
        await turns.rest()
    before, place, after = as_json(replace(report, services=[])).partition(_NO_SERVICES)
    return b"".join((before, place[:-1], b",".join(services), place[-1:], after))


@cache
def adapter_of(kind: type[Any]) -> TypeAdapter[Any]:
    """Return what knows how a report is written."""
    return TypeAdapter(kind)
