"""`rrdnsd events`: what happened, and what happens."""

import time
from typing import Annotated

import typer

from rrdnsd.cli.arguments import AddressOption, ServiceOption
from rrdnsd.cli.asking import present, report
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import parse_since


def events(
    session: Session,
    service: ServiceOption = None,
    address: AddressOption = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Only this kind; may be given several times.", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="From 1h, 7d, ... ago, or from a time.", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="Up to so long ago, or to a time.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="The newest so many.")] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")
    ] = False,
) -> None:
    """Show events, the newest last."""
    from rrdnsd.cli.following import follow_events, print_events  # noqa: PLC0415 - help needs no network
    from rrdnsd.control.reports import EventsPage  # noqa: PLC0415 - as above

    now = time.time()
    wanted = present(
        {
            "service": service,
            "address": address,
            "kind": kind or None,
            "since": parse_since(since, "--since", now) if since else None,
            "until": parse_since(until, "--until", now) if until else None,
        }
    )
    if follow:
        follow_events(session, wanted, limit)
        return
    page = report(session, EventsPage, "events", {**wanted, "limit": limit})
    if page is not None:
        print_events(reversed(page.events))
