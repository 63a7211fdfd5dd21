"""Reports as JSON."""

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from fastapi import Response
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from rrdnsd.control.base import Control
from rrdnsd.control.reports import StatusReport
from rrdnsd.turns import Ahead, Readers, ReaderTurns

JSON = "application/json"

OLDEST = 2.0
"""Seconds for which a report on all services is kept as JSON."""

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


async def overview_json(report: StatusReport, pace: ReaderTurns) -> bytes:
    """Write a report on all services as JSON, a service after the other."""
    services = []
    for service in report.services:
        services.append(as_json(service))
        await pace.rest()
    before, place, after = as_json(replace(report, services=[])).partition(_NO_SERVICES)
    return b"".join((before, place[:-1], b",".join(services), place[-1:], after))


@dataclass(frozen=True, slots=True)
class _Written:
    """A report on all services, and what it is as JSON."""

    report: StatusReport
    text: bytes


class Overviews:
    """The report on all services as JSON, made for all who ask.

    Nobody is shown what is older than the revision that somebody was told.
    """

    def __init__(self, control: Control, readers: Readers) -> None:
        self._control = control
        self._written = Ahead(self._write, readers, OLDEST)
        self._told = 0

    async def text(self) -> bytes:
        """Return the present one; among many changes it may be of the two seconds before."""
        found = await self._written.get(self._passes)
        return found.text

    def tell(self, revision: int) -> None:
        """Take note that somebody is told this revision, and may ask for it."""
        self._told = max(self._told, revision)

    def _passes(self, last: _Written) -> bool:
        return last.report.revision >= self._told and self._control.passes(last.report)

    async def _write(self, last: _Written | None, pace: ReaderTurns) -> _Written:
        report = await self._control.overview(pace)
        if last and last.report is report:
            return last
        return _Written(report, await overview_json(report, pace))


@cache
def adapter_of(kind: type[Any]) -> TypeAdapter[Any]:
    """Return what knows how a report is written."""
    return TypeAdapter(kind)
