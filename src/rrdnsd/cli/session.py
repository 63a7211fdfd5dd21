"""What every command that talks to the daemon has in common: its options, its errors, its exit code.

`reading` and `ordering` turn a function whose first argument is a `Session` into a command: the options that lead to
the daemon are added to its own, and a `CommandError` becomes a sentence on stderr and the exit code.
"""

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rrdnsd.cli.access import Access, choose_access, is_exposed
from rrdnsd.cli.exits import CommandError, Exit

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Session:
    """One call of a command: the daemon it is about, and what its options say of orders and output."""

    access: Access
    as_json: bool = False
    why: str = ""
    who: str = ""
    yes: bool = False
    dry_run: bool = False


def reading(command: Command) -> Command:
    """Make a command of a function that only asks."""
    return _made(command, _READING)


def ordering(command: Command) -> Command:
    """Make a command of a function that changes something."""
    return _made(command, (*_READING, *_ORDERING))


def option(name: str, kind: object, default: object, **settings: object) -> inspect.Parameter:
    """Describe an option as typer reads it from a signature; `settings` are those of `typer.Option`."""
    flag = f"--{name.removeprefix('as_').replace('_', '-')}"
    # Annotated[...] is made at run time from values, which a checker of types cannot follow.
    described = Annotated[kind, typer.Option(flag, **settings)]  # type: ignore[valid-type]  # see above
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=described)


_READING = (
    option("as_json", bool, default=False, help="Print the answer of the API, unchanged."),
    option(
        "socket",
        Path | None,
        None,
        help="The daemon's Unix socket. Default: $RRDNSD_SOCKET, else api.sock in $RUNTIME_DIRECTORY or /run/rrdnsd.",
        show_default=False,
    ),
    option(
        "url",
        str | None,
        None,
        help="The daemon's address instead, like https://10.0.0.1:3333. Default: $RRDNSD_URL.",
        show_default=False,
    ),
    option(
        "token_file",
        Path | None,
        None,
        help="A file with the token for --url. Default: the token in $RRDNSD_TOKEN.",
        show_default=False,
    ),
    option(
        "ca_file",
        Path | None,
        None,
        help="Certificates to trust for https, in PEM form. Default: those of the system.",
        show_default=False,
    ),
)

_ORDERING = (
    option("why", str, "", help="The reason, for the other operators and the audit."),
    option("who", str, "", help="Who you are. Default: who called sudo, or your login name with --url."),
    option("yes", bool, default=False, help="Do not ask for a confirmation."),
    option("dry_run", bool, default=False, help="Tell the effect and change nothing."),
)


def _made(command: Command, options: tuple[inspect.Parameter, ...]) -> Command:
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    names = [parameter.name for parameter in options]

    def run(**given: object) -> None:
        common: dict[str, Any] = {name: given.pop(name) for name in names}
        with_errors(lambda: command(_session(**common), **given))

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *options)]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def with_errors(work: Callable[[], object]) -> None:
    """Do the work of a command; end with the sentence and the exit code if it fails.

    Raises:
        typer.Exit: it failed.

    """
    try:
        work()
        sys.stdout.flush()
    except CommandError as error:
        sys.stdout.flush()
        print(f"rrdnsd: {error}", file=sys.stderr)
        raise typer.Exit(error.code) from None
    except BrokenPipeError:
        # Whoever reads (`head`, a pager) has seen enough; the interpreter must not find the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.DONE) from None


def _session(
    as_json: bool,
    socket: Path | None,
    url: str | None,
    token_file: Path | None,
    ca_file: Path | None,
    why: str = "",
    who: str = "",
    yes: bool = False,
    dry_run: bool = False,
) -> Session:
    access = choose_access(os.environ, socket, url, token_file, ca_file)
    if is_exposed(access):
        print("rrdnsd: warning: the token crosses the network in clear text: use https", file=sys.stderr)
    return Session(access, as_json, why, who, yes, dry_run)
