"""The `rrdnsd` command: one file for each subcommand, registered by one line in `app`.

Starting is fast because a command's file imports what it needs inside its function, when it is called, and because
help is plain text: laying it out with rich would take as long again as everything else.
"""

import os
from typing import Annotated

import typer

from rrdnsd import __version__
from rrdnsd.cli import endpoint, node, notify, service, token
from rrdnsd.cli.adopt import adopt
from rrdnsd.cli.audit import audit
from rrdnsd.cli.backtest import backtest
from rrdnsd.cli.check import check
from rrdnsd.cli.completion import completion
from rrdnsd.cli.demo import demo
from rrdnsd.cli.drain import drain, undrain
from rrdnsd.cli.events import events
from rrdnsd.cli.exits import EXIT_CODES
from rrdnsd.cli.explain import explain
from rrdnsd.cli.export import export
from rrdnsd.cli.failover import failover
from rrdnsd.cli.force import force
from rrdnsd.cli.history import history
from rrdnsd.cli.init import init
from rrdnsd.cli.maintenance import maintenance
from rrdnsd.cli.pause import pause, resume
from rrdnsd.cli.plan import plan
from rrdnsd.cli.refresh import refresh
from rrdnsd.cli.reload import reload
from rrdnsd.cli.run import run
from rrdnsd.cli.schema import schema
from rrdnsd.cli.session import Command, ordering, reading
from rrdnsd.cli.status import status


def app() -> typer.Typer:
    """Put the commands together."""
    commands = _group("rrdnsd")
    commands.callback(invoke_without_command=True, epilog=EXIT_CODES)(_rrdnsd)
    programs: tuple[Command, ...] = (run, check, plan, init, adopt, schema, demo, completion)
    readers: tuple[Command, ...] = (status, events, explain, history, audit, export, backtest)
    orders: tuple[Command, ...] = (
        drain, undrain, maintenance, pause, resume, failover, force, refresh, reload,
    )  # fmt: skip
    for command in (*programs, *map(reading, readers), *map(ordering, orders)):
        commands.command(epilog=EXIT_CODES)(command)
    commands.add_typer(_family("service", "Add or remove a service.", service.add, service.remove))
    commands.add_typer(
        _family("endpoint", "Add or remove an address of a service.", endpoint.add, endpoint.remove)
    )
    commands.add_typer(_family("node", "Add or remove a node of the cluster.", node.add, node.remove))
    tokens = _group("token", no_args_is_help=True)
    tokens.callback(help="Make tokens for the API.")(_show_nothing)
    tokens.command(epilog=EXIT_CODES)(token.new)
    commands.add_typer(tokens)
    notifying = _group("notify", no_args_is_help=True)
    notifying.callback(help="Try the ways to tell people.")(_show_nothing)
    notifying.command("test", epilog=EXIT_CODES)(notify.send_test)
    commands.add_typer(notifying)
    return commands


def main() -> None:
    """Run the command line."""
    if "_RRDNSD_COMPLETE" in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415 - there, if not by name; for shells only

        completion_init()
    app()()


def _family(name: str, text: str, add: Command, remove: Command) -> typer.Typer:
    made = _group(name, no_args_is_help=True)
    made.callback(help=text)(_show_nothing)
    made.command(epilog=EXIT_CODES)(ordering(add))
    made.command(epilog=EXIT_CODES)(ordering(remove))
    return made


def _group(name: str, *, no_args_is_help: bool = False) -> typer.Typer:
    return typer.Typer(
        name=name,
        no_args_is_help=no_args_is_help,
        add_completion=False,  # `rrdnsd completion` does it, and knows of IPv6 addresses
        add_help_option=False,  # see _help
        rich_markup_mode=None,
        pretty_exceptions_enable=False,  # they would print local variables, secrets among them
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _help(context: typer.Context, wanted: bool) -> None:
    """Print the help of a group: typer's own option costs 60 ms of pydantic even where it is not given."""
    if wanted and not context.resilient_parsing:
        print(context.get_help())
        raise typer.Exit


Help = Annotated[
    bool, typer.Option("--help", "-h", is_eager=True, callback=_help, help="Show this message and exit.")
]


def _show_nothing(wants_help: Help = False) -> None:
    """Do nothing: only the commands of a family do something."""


def _rrdnsd(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    wants_help: Help = False,  # noqa: ARG001 - typer reads the signature
) -> None:
    """Probe services, vote, and keep their A and AAAA records right.

    Without a command it runs the daemon.
    """
    if version:
        print(f"rrdnsd {__version__}")
    elif context.invoked_subcommand is None:
        run()
