"""`rrdnsd history`: uptime and latency of the past."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from rrdnsd.cli.arguments import AddressOrAll, Fqdn
from rrdnsd.cli.asking import report
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import parse_duration, parse_since, show_moment

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rrdnsd.control.reports import HistoryReport

_LONGEST_STEP = 86_400


def history(
    session: Session,
    fqdn: Fqdn,
    address: AddressOrAll = None,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From 1h, 7d, ... ago, or from a time.")
    ] = "24h",
    step: Annotated[
        str, typer.Option("--step", metavar="DURATION", help="The span of a line: whole minutes, up to 1d.")
    ] = "1h",
) -> None:
    """Show uptime and latency of the past.

    Of each endpoint, as this node saw it.
    """
    from rrdnsd.control.reports import HistoryReport  # noqa: PLC0415 - the command line starts without pydantic

    seconds = parse_duration(step, "--step")
    if seconds % 60 or seconds > _LONGEST_STEP:
        raise CommandError("--step must be whole minutes, and a day at most", Exit.INVALID)
    now = time.time()
    query = {
        "service": fqdn,
        "address": address,
        "since": parse_since(since, "--since", now),
        "until": now,
        "step": int(seconds),
    }
    found = report(session, HistoryReport, "history", query)
    if found is not None:
        from rrdnsd.cli.tables import show  # noqa: PLC0415 - help needs no tables

        show(history_view(found))


def history_view(found: "HistoryReport") -> "RenderableType":
    """Lay out a table for each endpoint."""
    from rich.console import Group  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    from rrdnsd.cli.tables import milliseconds, percent, table  # noqa: PLC0415 - as above

    parts: list[RenderableType] = []
    columns = ["from", "uptime", "probes", "failed", "p50", "p90", "p99"]
    for endpoint in found.endpoints:
        uptime = f"up {percent(endpoint.uptime)}" if endpoint.uptime is not None else "nothing is known"
        parts.append(Text(f"{endpoint.service} {endpoint.address}: {uptime}", style="bold"))
        rows = [
            [
                show_moment(span.start),
                percent(span.uptime),
                str(span.probes),
                str(span.failures),
                *map(milliseconds, (span.p50_ms, span.p90_ms, span.p99_ms)),
            ]
            for span in endpoint.spans
        ]
        parts += [table(columns, rows, right=columns[1:]), ""]
    return Group(*(parts[:-1] or ["nothing was recorded"]))
