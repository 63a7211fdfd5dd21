"""The templates with all they need. jinja2 costs megabytes, so it is imported when the first page is asked for."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rrdnsd.control.reports import EndpointReport, ServiceReport, StatusReport, VoteReport
from rrdnsd.web.dashboard import shapes, words
from rrdnsd.web.dashboard.assets import Assets, read_assets
from rrdnsd.web.dashboard.past import HOUR, Key, Past

if TYPE_CHECKING:
    from jinja2 import Environment

MARKER = "<!--services-->"
"""Where the list of services goes, which is rendered and sent service by service."""

_TEMPLATES = (
    "overview.html", "service.html", "events.html", "problem.html", "public.html", "badge.svg",
    "parts.html", "details.html",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pages:
    """What makes HTML. `parts` and `details` hold macros by name."""

    environment: "Environment"
    assets: Assets
    parts: Mapping[str, Callable[..., str]]
    details: Mapping[str, Callable[..., str]]

    def render(self, template: str, **values: object) -> str:
        """Render a whole page."""
        return self.environment.get_template(template).render(**values)

    def raw(self, html: str) -> str:
        """Mark what is HTML already, so that it is not escaped again."""
        from markupsafe import Markup  # noqa: PLC0415 -- comes with jinja2

        return Markup(html)  # noqa: S704 -- only ever given what the templates made


class Press:
    """Loads the templates once, in a thread: compiling them takes longer than the event loop may be held up."""

    def __init__(self) -> None:
        self._pages: Pages | None = None
        self._lock = asyncio.Lock()

    async def pages(self) -> Pages:
        """Return the templates."""
        async with self._lock:
            if self._pages is None:
                self._pages = await asyncio.to_thread(load_pages)
            return self._pages


def load_pages() -> Pages:
    """Import jinja2, read the files and compile the templates."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 -- see above

    assets = read_assets()
    environment = Environment(
        loader=PackageLoader("rrdnsd.web.dashboard"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(_filters())
    environment.globals["asset"] = lambda name: assets.names[name]
    for name in _TEMPLATES:
        environment.get_template(name)
    return Pages(
        environment,
        assets,
        vars(environment.get_template("parts.html").module),
        vars(environment.get_template("details.html").module),
    )


def _filters() -> Mapping[str, Callable[..., Any]]:
    return {
        "headline": words.headline,
        "banners": words.banners,
        "quorum": words.quorum,
        "census": words.census,
        "ticks": _ticks,
        "iso": words.iso,
        "clock": words.clock,
        "moment": words.moment,
        "span": words.span,
        "percent": words.percent,
        "ms": words.latency,
        "published": words.published,
        "difference": words.difference,
        "telling": _telling,
        "dns_summary": words.dns_summary,
        "vote_summary": words.vote_summary,
        "voters": _voters,
        "ballots": _ballots,
        "spark": _spark,
        "uptime": _uptime,
        "share": _share,
    }


def _ticks(status: StatusReport) -> tuple[Mapping[str, str], int]:
    return shapes.ticks([endpoint.state for endpoint in service.endpoints] for service in status.services)


def _telling(service: ServiceReport) -> bool:
    """Tell if the tables have something to say that the tiles do not: then they are open."""
    return words.split(service) > 0 or any(not served.right for served in service.served)


def _voters(service: ServiceReport) -> list[str]:
    return sorted({vote.node for endpoint in service.endpoints for vote in endpoint.votes})


def _ballots(endpoint: EndpointReport) -> Mapping[str, VoteReport]:
    return {vote.node: vote for vote in endpoint.votes}


def _spark(past: Past, key: Key) -> shapes.Spark | None:
    found = (past.hour if past.by_minute else past.day).get(key)
    return shapes.spark(found.spans, past.since, past.until) if found else None


def _uptime(past: Past, key: Key) -> shapes.Bar | None:
    found = past.day.get(key)
    return shapes.bar(found.spans if found else (), past.since, past.until, HOUR) if past.edition else None


def _share(past: Past, key: Key) -> str:
    found = past.day.get(key)
    return words.percent(found.uptime if found else None)
