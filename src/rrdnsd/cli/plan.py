"""`rrdnsd plan`: what would change in DNS now, and why. Writes nothing."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rrdnsd.errors import ConfigError, RrdnsdError


def plan(
    path: Annotated[
        Path | None,
        typer.Argument(help="The configuration. Default: $CONF, else /etc/rrdnsd.json.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what would change in DNS now; write nothing.

    Every endpoint is probed and DNS is read.
    Exit code 0: DNS is as it should be. 3: something would change. 1: a server could not be read. 2: the
    configuration has mistakes.
    """
    from rrdnsd.compose import find_differences  # noqa: PLC0415 - the command line starts without the daemon
    from rrdnsd.config import config_path  # noqa: PLC0415 - as above

    try:
        found = find_differences(config_path(os.environ, path), os.environ)
    except ConfigError as error:
        print(error.lines(), file=sys.stderr)
        raise typer.Exit(2) from None
    except RrdnsdError as error:
        print(f"rrdnsd: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps([difference.as_dict() for difference in found], indent=2))
    else:
        for difference in found:
            print(difference.sentence())
    if any(difference.error for difference in found):
        raise typer.Exit(1)
    if any(difference.change for difference in found):
        raise typer.Exit(3)
