"""`rrdnsd notify test`: a message by hand, to see that the notifiers reach people."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rrdnsd.errors import ConfigError, RrdnsdError


def send_test(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Only this notifier. Default: all.", show_default=False),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="The configuration. Default: $CONF, else /etc/rrdnsd.json.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a test message by the notifiers of the configuration, and tell what each answered.

    Exit code 0: all were delivered. 1: one was not. 2: the configuration has mistakes, or no such notifier.
    """
    from rrdnsd.compose import test_notifiers  # noqa: PLC0415 - the command line starts without the daemon
    from rrdnsd.config import config_path  # noqa: PLC0415 - as above

    try:
        tried = test_notifiers(config_path(os.environ, config), os.environ, name)
    except ConfigError as error:
        print(error.lines(), file=sys.stderr)
        raise typer.Exit(2) from None
    except RrdnsdError as error:
        print(f"rrdnsd: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps([one._asdict() for one in tried], indent=2))
    else:
        for one in tried:
            print(f"{one.name}: {'delivered' if one.ok else 'failed'}: {one.answer}")
    if not all(one.ok for one in tried):
        raise typer.Exit(1)
