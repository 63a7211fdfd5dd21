"""Makes the HTML of parts, keeps that of services while it is valid, and lets others run in between."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial

from rrdnsd.control.reports import ServiceReport
from rrdnsd.errors import RrdnsdError
from rrdnsd.turns import ReaderTurns
from rrdnsd.web.dashboard.board import Board, View
from rrdnsd.web.dashboard.brief import brief
from rrdnsd.web.dashboard.rendering import MARKER, Pages

_MOST_KEPT = 2000

_AT_ONCE = 50
"""So many services in brief take half a millisecond; one by one, what hands them on takes as long as making them."""

WHOLE = 24
"""So many services a page shows whole, some screens full; what is below them is in brief until somebody comes near."""


class Printer:
    """Renders parts by their name: head, flags, orders, nodes, events, s:FQDN (its tiles), w:FQDN (whole), x:FQDN (why)."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._kept: dict[str, tuple[str, str]] = {}
        self._briefs: dict[str, tuple[str, str]] = {}

    async def services(
        self, pages: Pages, view: View, wanted: Sequence[ServiceReport], pace: ReaderTurns
    ) -> AsyncIterator[str]:
        """Render services one after the other."""
        render = pages.parts["service"]
        for service in wanted:
            version = view.versions[f"s:{service.fqdn}"]
            await pace.rest()
            yield _again(
                self._kept, service, version, partial(render, service, view.past, view.status.now, version)
            )

    async def overview(
        self, pages: Pages, view: View, wanted: Sequence[ServiceReport], page: str
    ) -> AsyncIterator[str]:
        """Put the services that are wanted into the page where its marker is."""
        before, _, after = page.partition(MARKER)
        turns = self._board.readers.turns()
        yield before
        async for html in self.services(pages, view, wanted[:WHOLE], turns):
            yield html
        for start in range(WHOLE, len(wanted), _AT_ONCE):
            await turns.rest()
            yield "".join([self._brief(view, service) for service in wanted[start : start + _AT_ONCE]])
        yield after

    def _brief(self, view: View, service: ServiceReport) -> str:
        return _again(self._briefs, service, view.versions[f"s:{service.fqdn}"], partial(brief, service))

    async def parts(self, pages: Pages, view: View, names: Iterable[str]) -> str:
        """Render the parts of these names; those that do not exist any more are left out."""
        found, turns = [], self._board.readers.turns()
        for name in names:
            await turns.rest()
            if name in ("head", "flags", "orders", "nodes", "events"):
                found.append(str(pages.parts[name](view)))
                continue
            kind, _, fqdn = name.partition(":")
            service = view.services.get(fqdn)
            if service is None:
                continue
            if kind == "s":
                found += [html async for html in self.services(pages, view, [service], turns)]
            elif kind == "w":
                found.append(self.whole(pages, view, service))
            elif kind == "x":
                found.append(self.explained(pages, view, service))
        return "\n".join(found)

    def whole(self, pages: Pages, view: View, service: ServiceReport) -> str:
        """Render a service with all its tables."""
        version = view.versions[f"s:{service.fqdn}"]
        return str(pages.details["whole"](service, view.past, view.status.now, version))

    def explained(self, pages: Pages, view: View, service: ServiceReport) -> str:
        """Render why a service's records are as they are; nothing if the service is gone."""
        try:
            why = self._board.control.explain(service.fqdn)
        except RrdnsdError:
            return ""
        return str(pages.details["explained"](why, view.versions[f"s:{service.fqdn}"]))


def _again(
    kept: dict[str, tuple[str, str]], service: ServiceReport, version: str, render: Callable[[], object]
) -> str:
    """Return what is kept of a service if it is of this version; else render and keep it."""
    known = kept.get(service.fqdn)
    if known and known[0] == version:
        return known[1]
    if known is None and len(kept) >= _MOST_KEPT:
        kept.clear()
    html = str(render())
    kept[service.fqdn] = version, html
    return html
