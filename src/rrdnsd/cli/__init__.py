"""The `rrdnsd` command: one file for each subcommand, registered by one line in `app`.

Starting is fast because a command's file imports what it needs inside its function, when it is called.
"""

from typing import Annotated

import typer

from rrdnsd import __version__
from rrdnsd.cli.check import check
from rrdnsd.cli.demo import demo
from rrdnsd.cli.plan import plan
from rrdnsd.cli.run import run
from rrdnsd.cli.schema import schema


def app() -> typer.Typer:
    """Put the commands together."""
    commands = typer.Typer(
        name="rrdnsd",
        no_args_is_help=False,
        pretty_exceptions_enable=False,  # they would print local variables, secrets among them
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    commands.callback(invoke_without_command=True)(_rrdnsd)
    commands.command()(run)
    commands.command()(check)
    commands.command()(plan)
    commands.command()(schema)
    commands.command()(demo)
    return commands


def main() -> None:
    """Run the command line."""
    app()()


def _rrdnsd(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Probe services, vote, and keep their A and AAAA records right. Without a command: run."""
    if version:
        print(f"rrdnsd {__version__}")
    elif context.invoked_subcommand is None:
        run()
