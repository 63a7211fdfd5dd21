"""What `init` and `adopt` have in common: options, the key, and how the file gets its name."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.errors import ConfigError, RrdnsdError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rrdnsd.config import Config

STDOUT = Path("-")


def complete_method(incomplete: str) -> list[str]:
    """Complete the name of an update method that is installed."""
    from rrdnsd.config import plugins  # noqa: PLC0415 - help starts without it

    return [name for name in plugins.names(plugins.PROVIDERS) if name.startswith(incomplete)]


Method = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="METHOD",
        help="update_method, such as rfc2136.",
        show_default=False,
        autocompletion=complete_method,
    ),
]
Servers = Annotated[
    list[str] | None,
    typer.Option(
        "--server",
        metavar="HOST[:PORT]",
        help="The primary DNS server; several are written to each.",
        show_default=False,
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="A file with the TSIG key or the vendor's token.", show_default=False),
]
KeyEnv = Annotated[
    str | None,
    typer.Option("--key-env", metavar="NAME", help="The variable that holds it instead.", show_default=False),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        help="A key of update_options; the value is JSON or text. Secrets: file:PATH, env:NAME.",
        show_default=False,
    ),
]
Healthchecks = Annotated[
    list[str] | None,
    typer.Option(
        "--healthcheck",
        metavar="URL",
        help="What is probed; {} is the address. Of several, the first that answers is taken.",
        show_default=False,
    ),
]
LocalNode = Annotated[
    str | None,
    typer.Option("--local-node", metavar="IP:PORT", help="The address of this node.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write; TOML if it ends with .toml; - is stdout. Default: $CONF, else /etc/rrdnsd.json.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key: `reference` is what the file says of it, `text` the key itself."""

    reference: str = ""
    text: str = field(default="", repr=False)


def credentials(key_file: Path | None, key_env: str | None) -> Credentials:
    """Read the key that the options name.

    Raises:
        CommandError: both are given, or it cannot be read.

    """
    from rrdnsd.config.credentials import Surroundings, resolve_secret  # noqa: PLC0415 - help starts without it

    if key_file and key_env:
        raise CommandError("give --key-file or --key-env, not both", Exit.INVALID)
    if not key_file and not key_env:
        return Credentials()
    reference = f"file:{key_file.absolute()}" if key_file else f"env:{key_env}"
    try:
        return Credentials(reference, resolve_secret(reference, Surroundings(env=os.environ)))
    except ValueError as error:
        raise CommandError(str(error), Exit.INVALID) from None


def settings(given: list[str] | None) -> dict[str, object]:
    """Read `--option KEY=VALUE`.

    Raises:
        CommandError: one has no value.

    """
    found: dict[str, object] = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise CommandError(f"--option {key!r} must be KEY=VALUE", Exit.INVALID)
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def output_path(given: Path | None, *, force: bool) -> Path:
    """Tell where the file goes.

    Raises:
        CommandError: something is there already, or its folder is not there.

    """
    from rrdnsd.config import config_path  # noqa: PLC0415 - as above

    path = config_path(os.environ, given)
    if path == STDOUT:
        return path
    if path.exists() and not force:
        raise CommandError(f"{path} is there already: give --force to replace it, or --output", Exit.INVALID)
    if not path.absolute().parent.is_dir():
        raise CommandError(f"{path.absolute().parent} is no folder", Exit.INVALID)
    return path


def check_raw(raw: "Mapping[str, object]", path: Path) -> "Config":
    """Check a configuration before it is written.

    Raises:
        CommandError: it has mistakes; each has its line.

    """
    from rrdnsd.compose.beginning.writing import checked  # noqa: PLC0415 - as above

    folder = Path() if path == STDOUT else path.parent
    try:
        return checked(raw, folder, os.environ)
    except ConfigError as error:
        lines = "\n  ".join(error.problems)
        raise CommandError(
            f"nothing was written: the configuration would not be right\n  {lines}", Exit.INVALID
        ) from None


def write_all(path: Path, raw: "Mapping[str, object]", secrets: "Mapping[Path, str]", *, force: bool) -> None:
    """Write the files with secrets and the configuration, or nothing.

    Raises:
        CommandError: one cannot be written.

    """
    from rrdnsd.compose.beginning.rendering import render  # noqa: PLC0415 - as above
    from rrdnsd.compose.beginning.writing import write_config, write_secret  # noqa: PLC0415 - as above

    written: list[Path] = []
    try:
        for file, text in secrets.items():
            write_secret(file, text)
            written.append(file)
        if path == STDOUT:
            print(render(raw, ""), end="")
        else:
            write_config(path, render(raw, path.suffix), raw, os.environ, replace=force)
    except BaseException as error:
        for file in written:
            file.unlink(missing_ok=True)
        if isinstance(error, ConfigError):
            raise CommandError(f"nothing was written\n{error.lines()}", Exit.INVALID) from None
        if isinstance(error, RrdnsdError):
            raise CommandError(f"nothing was written: {error}") from None
        raise


def next_steps(path: Path) -> list[str]:
    """Name what comes after the file is written."""
    from rrdnsd.config import config_path  # noqa: PLC0415 - as above

    if path == STDOUT:
        return []
    where = "" if path == config_path({}) else f" {path}"
    run = f"rrdnsd run{where}" if where else "systemctl start rrdnsd"
    return [
        "next:",
        f"  rrdnsd check{where}",
        f"  rrdnsd plan{where}    # what would change in DNS; writes nothing",
        f"  {run}",
    ]


def out(line: str) -> None:
    """Print a line of the result, whatever bytes a file's name holds."""
    print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stdout)
