"""The routes of the dashboard: pages, what keeps them live, and what is public."""

import asyncio
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from rrdnsd.control.base import Control, OrderError
from rrdnsd.control.reports import EventFilter, EventsPage
from rrdnsd.errors import RrdnsdError
from rrdnsd.turns import Readers
from rrdnsd.web.access import Access
from rrdnsd.web.app import streams_of
from rrdnsd.web.dashboard import public
from rrdnsd.web.dashboard.asking import STATES, asked, shown
from rrdnsd.web.dashboard.assets import FOREVER
from rrdnsd.web.dashboard.board import Board
from rrdnsd.web.dashboard.compression import compressed
from rrdnsd.web.dashboard.live import Scope, follow, message
from rrdnsd.web.dashboard.past import HOUR
from rrdnsd.web.dashboard.periods import PERIODS, period_rows
from rrdnsd.web.dashboard.printing import Printer
from rrdnsd.web.dashboard.rendering import MARKER, Press

EVENTS_ON_A_PAGE = 100
EVENTS_OF_A_SERVICE = 12
MOST_PARTS = 60
NOT_FOUND = 404

_Text = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes share."""

    control: Control
    board: Board
    press: Press
    printer: Printer
    public_past: public.PublicPast
    access: Access

    @property
    def writable(self) -> bool:
        """Whether anybody may change anything from here."""
        return any(token.scope == "write" for token in self.access.tokens)


def add_dashboard(app: FastAPI, control: Control, access: Access, readers: Readers) -> None:
    """Add /dash and /public to an application; who may see what is the guard's affair."""
    board = Board(control, lambda: asyncio.get_running_loop().time(), readers)
    desk = Desk(control, board, Press(), Printer(board), public.PublicPast(control), access)
    _add_overview(app, desk)
    _add_service(app, desk)
    _add_events(app, desk)
    _add_live(app, desk)
    _add_public(app, desk)
    _add_static(app, desk)


def _add_overview(app: FastAPI, desk: Desk) -> None:
    @app.get("/dash", include_in_schema=False)
    async def get_dash(request: Request, q: _Text = "", state: _Text = "") -> StreamingResponse:
        """Show all services."""
        view, pages = await desk.board.view(), await desk.press.pages()
        wanted = asked(q, state)
        services = shown(view, wanted)
        page = pages.render(
            "overview.html",
            here="services", view=view, status=view.status, asked=wanted, query=wanted.query, states=STATES,
            shown=bool(services), marker=pages.raw(MARKER), writable=desk.writable,
        )  # fmt: skip
        return compressed(
            request, desk.printer.overview(pages, view, services, page), "text/html; charset=utf-8"
        )


def _add_service(app: FastAPI, desk: Desk) -> None:
    @app.get("/dash/service/{fqdn}", include_in_schema=False)
    async def get_service(fqdn: str, span: _Text = "24h") -> HTMLResponse:
        """Show everything about one service."""
        view, pages = await desk.board.view(), await desk.press.pages()
        service = view.services.get(fqdn.lower().rstrip("."))
        if service is None:
            page = pages.render(
                "problem.html", title="No such service", sentence=f'"{fqdn}" is no service of this cluster.',
                prefix="/dash", back="/dash",
            )  # fmt: skip
            return HTMLResponse(page, NOT_FOUND)
        chosen = span if span in PERIODS else "24h"
        page = pages.render(
            "service.html",
            here="", view=view, status=view.status, fqdn=service.fqdn, query=urlencode({"service": service.fqdn}),
            whole=pages.raw(desk.printer.whole(pages, view, service)),
            explained=pages.raw(desk.printer.explained(pages, view, service)),
            history=pages.raw(str(pages.details["history"](*await _history(desk, service.fqdn, chosen, view.status.now)))),
            spans=[(value, words) for value, (words, _, _) in PERIODS.items()], chosen=chosen,
            events=(await _events(desk, EventFilter(service=service.fqdn), EVENTS_OF_A_SERVICE))[0].events,
            writable=desk.writable,
        )  # fmt: skip
        return HTMLResponse(page)


def _add_events(app: FastAPI, desk: Desk) -> None:
    @app.get("/dash/events", include_in_schema=False)
    async def get_events(service: _Text = "", kind: _Text = "", before: int | None = None) -> HTMLResponse:
        """Show events, the newest first."""
        view, pages = await desk.board.view(), await desk.press.pages()
        kinds = tuple(kind.replace(",", " ").split()) or None
        page, problem = await _events(
            desk,
            EventFilter(service=service.strip().lower() or None, kinds=kinds, before_id=before),
            EVENTS_ON_A_PAGE,
        )
        older = {"service": service, "kind": kind, "before": page.events[-1].id if page.events else ""}
        return HTMLResponse(
            pages.render(
                "events.html",
                here="events",
                view=view,
                status=view.status,
                page=page,
                problem=problem,
                asked={"service": service, "kind": kind},
                writable=desk.writable,
                older=urlencode({key: value for key, value in older.items() if value}),
            )
        )


def _add_live(app: FastAPI, desk: Desk) -> None:
    @app.get("/dash/versions", include_in_schema=False)
    async def get_versions(q: _Text = "", state: _Text = "", service: _Text = "") -> JSONResponse:
        """Tell the version of each part: for browsers that cannot listen to the stream."""
        return JSONResponse(message(await desk.board.view(), Scope(asked(q, state), service)))

    @app.get("/dash/stream", include_in_schema=False)
    async def get_stream(q: _Text = "", state: _Text = "", service: _Text = "") -> Response:
        """Tell the versions that change, as server-sent events."""
        return streams_of(app).answer(follow(desk.board, Scope(asked(q, state), service)))

    @app.get("/dash/parts", include_in_schema=False)
    async def get_parts(p: Annotated[list[str], Query(max_length=MOST_PARTS)]) -> HTMLResponse:
        """Return parts of pages as HTML."""
        view, pages = await desk.board.view(), await desk.press.pages()
        return HTMLResponse(await desk.printer.parts(pages, view, p))


def _add_public(app: FastAPI, desk: Desk) -> None:
    @app.get("/public/{fqdn}", include_in_schema=False)
    async def get_public(fqdn: str) -> HTMLResponse:
        """Show everybody how a public service is."""
        pages = await desk.press.pages()
        found = public.public_service(desk.control, fqdn)
        if found is None:
            page = pages.render(
                "problem.html", title="Not found", sentence="There is no public page of this name.",
                prefix="/public", back="",
            )  # fmt: skip
            return HTMLResponse(page, NOT_FOUND)
        now, state = desk.control.status(found.fqdn).now, public.public_state(found)
        page = pages.render(
            "public.html", name=found.fqdn, tone=state, word=public.public_word(state), now=now,
            sentence=public.SENTENCES[state], spans=await desk.public_past.spans(found, now),
        )  # fmt: skip
        return HTMLResponse(page, headers={"Cache-Control": "public, max-age=10"})

    @app.get("/public/{fqdn}/badge.svg", include_in_schema=False)
    async def get_badge(fqdn: str) -> Response:
        """Return the state of a public service as a picture."""
        found = public.public_service(desk.control, fqdn)
        if found is None:
            return Response("there is no public badge of this name", NOT_FOUND, media_type="text/plain")
        pages = await desk.press.pages()
        return Response(
            pages.render("badge.svg", **public.badge(found)),
            media_type="image/svg+xml",
            # A badge is there to be shown on other people's pages.
            headers={"Cache-Control": "public, max-age=10", "Cross-Origin-Resource-Policy": "cross-origin"},
        )


def _add_static(app: FastAPI, desk: Desk) -> None:
    @app.get("/public/static/{name}", include_in_schema=False)
    @app.get("/dash/static/{name}", include_in_schema=False)
    async def get_static(name: str) -> Response:
        """Return a file that pages refer to."""
        asset = (await desk.press.pages()).assets.found.get(name)
        if asset is None:
            return Response("there is no such file", NOT_FOUND, media_type="text/plain")
        return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": FOREVER})


async def _history(desk: Desk, fqdn: str, chosen: str, now: float) -> tuple[object, int, float]:
    _, seconds, step = PERIODS[chosen]
    try:
        report = await desk.control.history(now - seconds, now, step, fqdn)
    except RrdnsdError:
        return [], HOUR, now
    return period_rows(report), step, now


async def _events(desk: Desk, wanted: EventFilter, limit: int) -> tuple[EventsPage, str]:
    """Find events; without them, the sentence why."""
    try:
        return await desk.control.events(wanted, limit), ""
    except OrderError as error:
        return EventsPage([], more=False), str(error)
    except RrdnsdError as error:
        return EventsPage([], more=False), f"the events cannot be read: {error}"
