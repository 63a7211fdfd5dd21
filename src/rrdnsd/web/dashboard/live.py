"""Which parts have changed: told to a browser once, or for as long as it listens (server-sent events)."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from rrdnsd.web.dashboard.asking import Asked, shown
from rrdnsd.web.dashboard.board import Board, View

PULSE_SECONDS = 5.0
"""How often a stream says something even if nothing has changed: figures of latency, and that it still lives."""

BREATH_SECONDS = 0.3
"""The shortest time between two messages of a stream."""

_SMALL_CHANGE = 0.05


@dataclass(frozen=True, slots=True)
class Scope:
    """What a page shows: the overview with a filter, or one service."""

    asked: Asked = field(default_factory=Asked)
    service: str = ""


def versions(view: View, scope: Scope) -> Mapping[str, str]:
    """Return the version of each part that a page of this scope shows, services in their order."""
    found = {part: view.versions[part] for part in ("head", "orders", "nodes", "events")}
    if scope.service:
        version = view.versions.get(f"s:{scope.service}")
        return {
            "flags": found["head"],
            **({f"w:{scope.service}": version, f"x:{scope.service}": version} if version else {}),
        }
    return found | {f"s:{s.fqdn}": view.versions[f"s:{s.fqdn}"] for s in shown(view, scope.asked)}


def latencies(view: View, scope: Scope) -> Mapping[str, float | None]:
    """Return the last latency of each endpoint that is shown."""
    return {
        f"{service.fqdn} {endpoint.address}": None
        if endpoint.latency_ms is None
        else round(endpoint.latency_ms, 1)
        for service in view.services.values()
        if scope.service in ("", service.fqdn)
        for endpoint in service.endpoints
    }


def message(view: View, scope: Scope) -> dict[str, object]:
    """Return all that a page needs to know to find out what it must renew."""
    return {"now": view.status.now, "versions": versions(view, scope), "latency": latencies(view, scope)}


async def follow(board: Board, scope: Scope) -> AsyncGenerator[str | bytes, None]:
    """Say at once what there is, then what changes, without end."""
    seen: Mapping[str, str] = {}
    figures: Mapping[str, float | None] = {}
    while True:
        view, turns = await board.followed(), board.readers.turns()
        now = versions(view, scope)
        await turns.rest()
        all_figures = latencies(view, scope)
        await turns.rest()
        fresh = {key: ms for key, ms in all_figures.items() if _news(figures, key, ms)}
        await turns.rest()
        news = {
            "now": view.status.now,
            "versions": {part: version for part, version in now.items() if seen.get(part) != version},
            "gone": [part for part in seen if part not in now],
            "latency": fresh,
        }
        yield f"data: {json.dumps(news, separators=(',', ':'))}\n\n"
        seen, figures = now, {**figures, **fresh}
        await asyncio.sleep(BREATH_SECONDS)
        await _changed(board, view.status.revision)


async def _changed(board: Board, revision: int) -> None:
    try:
        async with asyncio.timeout(PULSE_SECONDS):
            await board.control.changed(revision)
    except TimeoutError:
        return


def _news(known: Mapping[str, float | None], key: str, ms: float | None) -> bool:
    """Leave out what would hardly change the figure that is shown."""
    if key not in known:
        return ms is not None
    old = known[key]
    if old is None or ms is None:
        return old is not ms
    return abs(old - ms) > _SMALL_CHANGE * old
