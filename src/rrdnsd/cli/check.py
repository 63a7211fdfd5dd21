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
    from rrdnsd.config.loader import Loaded


def check(
    path: Annotated[
        Path | None,
        typer.Argument(help="The file to check. Default: $CONF, else /etc/rrdnsd.json.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Show what the daemon will be allowed to do, and why.")
    ] = False,
) -> None:
    """Find every mistake in the configuration.

    Exit code 0 if there is none, 2 if there are some. What only keeps the user who checks from running it is a warning,
    and so is what is hardly meant.
    """
    from rrdnsd.compose.looking import look  # noqa: PLC0415 - the command line starts without the daemon
    from rrdnsd.compose.obstacles import obstacles  # noqa: PLC0415 - as above
    from rrdnsd.config import config_path  # noqa: PLC0415 - as above
    from rrdnsd.config.cautions import cautions  # noqa: PLC0415 - as above
    from rrdnsd.config.loader import load_raw  # noqa: PLC0415 - as above

    file = config_path(os.environ, path)
    try:
        loaded = load_raw(file, os.environ, look)
    except ConfigError as error:
        _print_problems(error, as_json=as_json)
        raise typer.Exit(2) from None
    warnings = [*obstacles(loaded.config), *cautions(loaded.config)]
    if as_json:
        _print_json(file, loaded, warnings)
    else:
        _print_summary(file, loaded.config, warnings)
        if sandbox:
            _print_sandbox(file, loaded)


def _print_problems(error: ConfigError, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"path": error.source, "ok": False, "problems": error.problems}))
    else:
        print(error.lines())


def _print_json(file: Path, loaded: "Loaded", warnings: list[str]) -> None:
    from rrdnsd.compose import confinement, state_dir  # noqa: PLC0415 -- as above

    told = {"path": str(file), "ok": True, "problems": [], "warnings": warnings}
    numbers = {
        "services": len(loaded.config.services),
        "endpoints": _endpoints(loaded.config),
        "update_methods": _methods(loaded.config),
    }
    sandbox = confinement.described(loaded, state_dir(loaded.config, os.environ), os.environ)
    print(json.dumps({**told, **numbers, "sandbox": sandbox}))


def _print_summary(file: Path, config: "Config", warnings: list[str]) -> None:
    from rrdnsd.config.text import count  # noqa: PLC0415 - as above

    for sentence in warnings:
        print(_printable(f"{file}: warning: {sentence}"), file=sys.stderr)
    methods = _methods(config)
    label = "update method" if len(methods) == 1 else "update methods"
    amount = f"{count(len(config.services), 'service')}, {count(_endpoints(config), 'endpoint')}"
    print(_printable(f"{file}: ok, {amount}, {label} {', '.join(methods)}"))


def _print_sandbox(file: Path, loaded: "Loaded") -> None:
    from rrdnsd.compose import confinement, state_dir  # noqa: PLC0415 -- as above

    for line in confinement.sandbox_lines(loaded, state_dir(loaded.config, os.environ), os.environ):
        print(_printable(f"{file}: sandbox: {line}"))


def _methods(config: "Config") -> list[str]:
    return sorted({provider.method for provider in config.effective_providers()})


def _endpoints(config: "Config") -> int:
    return sum(len(service.ipaddrs) for service in config.services)


def _printable(text: str) -> str:
    """File names may hold bytes that are no text."""
    return text.encode("utf-8", "backslashreplace").decode()
