"""`rrdnsd backtest`: what other thresholds would have made of the recorded probes."""

import json
import time
from typing import Annotated

import typer

from rrdnsd.cli.arguments import AddressOrAll, Fqdn
from rrdnsd.cli.exits import CommandError
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import parse_since, show_moment


def backtest(
    session: Session,
    fqdn: Fqdn,
    address: AddressOrAll = None,
    rise: Annotated[
        int | None,
        typer.Option(
            "--rise",
            min=1,
            max=100,
            help="Successes in a row until up. Default: as it is now.",
            show_default=False,
        ),
    ] = None,
    fall: Annotated[
        int | None,
        typer.Option(
            "--fall", min=1, max=100, help="Failures until down. Default: as it is now.", show_default=False
        ),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From 1h, 7d, ... ago, or from a time.")
    ] = "7d",
) -> None:
    """Replay recorded probes with other thresholds.

    Shows flips, missed outages, and added or saved delay. It changes nothing. --json prints the comparison.
    """
    from rrdnsd.cli import backtesting, client  # noqa: PLC0415 - the command line starts without pydantic
    from rrdnsd.cli.asking import present  # noqa: PLC0415 - as above
    from rrdnsd.cli.decode import decode  # noqa: PLC0415 - as above
    from rrdnsd.control.reports import RunsReport  # noqa: PLC0415 - as above

    now = time.time()
    began = parse_since(since, "--since", now)
    query = present({"service": fqdn, "address": address, "since": began, "until": now})
    found = decode(RunsReport, client.ask(session.access, "runs", query))
    if not found.runs:
        raise CommandError(f"no probes of {found.service} are recorded since {show_moment(began)}")
    compared = backtesting.compare_runs(found, rise or found.rise, fall or found.fall)
    if session.as_json:
        print(json.dumps(backtesting.as_json(compared)))
    else:
        backtesting.print_comparison(compared)
