"""`rrdnsd run`, and `rrdnsd` alone: the daemon in the foreground."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rrdnsd.cli.check import problem_lines
from rrdnsd.errors import ConfigError, RrdnsdError


class LogFormat(StrEnum):
    """Where log lines go and what they look like."""

    AUTO = "auto"
    JOURNAL = "journal"
    TEXT = "text"
    JSON = "json"


def run(
    path: Annotated[
        Path | None,
        typer.Argument(help="The configuration. Default: $CONF, else /etc/rrdnsd.json.", show_default=False),
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option(help="auto: the journal where it is there, else text on stderr.")
    ] = LogFormat.AUTO,
) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    The records stay as they are when it ends.
    """
    from rrdnsd.compose import run_daemon  # noqa: PLC0415 - the command line starts without the daemon
    from rrdnsd.config import config_path  # noqa: PLC0415 - as above

    try:
        run_daemon(config_path(os.environ, path), os.environ, log_format.value)
    except ConfigError as error:
        print(problem_lines(error), file=sys.stderr)
        raise typer.Exit(2) from None
    except RrdnsdError as error:
        print(f"rrdnsd: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
