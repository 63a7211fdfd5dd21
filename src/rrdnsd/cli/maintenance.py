"""`rrdnsd maintenance`: freeze the records of a service or of all, for a while."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from rrdnsd.cli.arguments import FqdnOrAll
from rrdnsd.cli.asking import order
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import parse_duration, parse_moment


def maintenance(
    session: Session,
    fqdn: FqdnOrAll = None,
    lasting: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="DURATION", help="It ends by itself after 30m, 2h, ...", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="TIME",
            help="It ends by itself then, like 2026-05-01T14:00 (local time) or with +02:00 or Z.",
            show_default=False,
        ),
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="End it now.")] = False,
) -> None:
    """Freeze the records of a service, or of all.

    Notifiers keep silent meanwhile.
    """
    if sum((lasting is not None, until is not None, end)) > 1:
        raise CommandError("give one of --for, --until and --end", Exit.INVALID)
    if end:
        order(session, "maintenance/end", {"service": fqdn})
        return
    order(session, "maintenance", {"service": fqdn, "until": _end(lasting, until)}, confirm=fqdn is None)


def _end(lasting: str | None, until: str | None) -> str | None:
    if lasting is not None:
        return datetime.fromtimestamp(round(time.time() + parse_duration(lasting, "--for")), UTC).isoformat()
    if until is None:
        return None
    moment = parse_moment(until, "--until")
    if moment.timestamp() <= time.time():
        raise CommandError(f"--until {until} is over already", Exit.INVALID)
    return moment.isoformat()
