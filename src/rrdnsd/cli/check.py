"""`rrdnsd check`: every mistake in a configuration file, or one line that all is well."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrdnsd.errors import ConfigError

if TYPE_CHECKING:
    from rrdnsd.config import Config


def check(
    path: Annotated[
        Path | None,
        typer.Argument(help="The file to check. Default: $CONF, else /etc/rrdnsd.json.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find every mistake in the configuration.

    Exit code 0 if there is none, 2 if there are some. What only keeps the user who checks from running it is a warning.
    """
    from rrdnsd.compose.looking import look  # noqa: PLC0415 - the command line starts without the daemon
    from rrdnsd.compose.obstacles import obstacles  # noqa: PLC0415 - as above
    from rrdnsd.config import config_path, load  # noqa: PLC0415 - as above

    file = config_path(os.environ, path)
    try:
        config = load(file, os.environ, look)
    except ConfigError as error:
        _print_problems(error, as_json=as_json)
        raise typer.Exit(2) from None
    _print_summary(file, config, obstacles(config), as_json=as_json)


def _print_problems(error: ConfigError, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"path": error.source, "ok": False, "problems": error.problems}))
    else:
        print(error.lines())


def _print_summary(file: Path, config: "Config", warnings: list[str], *, as_json: bool) -> None:
    from rrdnsd.config.text import count  # noqa: PLC0415 - as above

    methods = sorted({provider.method for provider in config.effective_providers()})
    endpoints = sum(len(service.ipaddrs) for service in config.services)
    if as_json:
        numbers = {"services": len(config.services), "endpoints": endpoints, "update_methods": methods}
        print(json.dumps({"path": str(file), "ok": True, "problems": [], "warnings": warnings, **numbers}))
        return
    for sentence in warnings:
        print(_printable(f"{file}: warning: {sentence}"), file=sys.stderr)
    label = "update method" if len(methods) == 1 else "update methods"
    amount = f"{count(len(config.services), 'service')}, {count(endpoints, 'endpoint')}"
    print(_printable(f"{file}: ok, {amount}, {label} {', '.join(methods)}"))


def _printable(text: str) -> str:
    """File names may hold bytes that are no text."""
    return text.encode("utf-8", "backslashreplace").decode()
