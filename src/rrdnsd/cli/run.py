"""`rrdnsd run`, and `rrdnsd` alone: the daemon in the foreground."""

import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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
    words = [sys.executable, "-P", "-m", "rrdnsd.compose", log_format.value, *([str(path)] if path else [])]
    # What becomes of this does not die of a SIGHUP before it can hear it: it has yet to read the file.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # The libraries of the command line would stay in the daemon's memory for ever: 2.5 MB.
    os.execv(sys.executable, words)  # noqa: S606 -- no shell is wanted
