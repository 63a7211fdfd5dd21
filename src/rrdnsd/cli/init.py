"""`rrdnsd init`: from a few questions to a configuration that was tried."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrdnsd.cli import beginning
from rrdnsd.cli.beginning import STDOUT, check_raw, next_steps, out, output_path, write_all
from rrdnsd.cli.dialogue import Dialogue, interruptible, on_terminal
from rrdnsd.cli.exits import CommandError
from rrdnsd.cli.given import Given
from rrdnsd.cli.interview import Answers, interview
from rrdnsd.cli.session import with_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from rrdnsd.compose.beginning.trial import Finding


def init(
    service: Annotated[
        list[str] | None,
        typer.Option(
            "--service", metavar="FQDN", help="A name to watch; several are alike.", show_default=False
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--zone", help="The zone of the names. Default: as the server says.", show_default=False
        ),
    ] = None,
    method: beginning.Method = None,
    server: beginning.Servers = None,
    key_file: beginning.KeyFile = None,
    key_env: beginning.KeyEnv = None,
    new_key: Annotated[
        str | None,
        typer.Option(
            "--new-key",
            metavar="NAME",
            help="Make a TSIG key; it goes to --key-file, else NAME.key beside the configuration.",
            show_default=False,
        ),
    ] = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="Updates are not signed.")] = False,
    option: beginning.Settings = None,
    healthcheck: beginning.Healthchecks = None,
    address: Annotated[
        list[str] | None,
        typer.Option(
            "--address", metavar="ADDRESS", help="An endpoint. Default: what DNS serves.", show_default=False
        ),
    ] = None,
    ttl: Annotated[
        int | None,
        typer.Option(
            "--ttl",
            metavar="SECONDS",
            help="Of the records. Default: as served, else 60.",
            show_default=False,
        ),
    ] = None,
    local_node: beginning.LocalNode = None,
    node: Annotated[
        list[str] | None,
        typer.Option("--node", metavar="IP:PORT", help="Another node of the cluster.", show_default=False),
    ] = None,
    cluster_secret_file: Annotated[
        Path | None,
        typer.Option(
            "--cluster-secret-file", help="The nodes' secret; made if not there.", show_default=False
        ),
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Write nothing to DNS yet (mode: shadow).")
    ] = False,
    output: beginning.Output = None,
    force: beginning.Force = False,
    accept_failures: Annotated[
        bool,
        typer.Option("--accept-failures", help="Write the file even if something that was tried failed."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Take the defaults; ask nothing that has one.")] = False,
) -> None:
    """Write a configuration, having tried it.

    What is not given is asked on a terminal. Each endpoint is probed, each name is looked up, and the server is asked
    whether it would take updates; nothing in DNS is changed.
    Exit code 1: something that was tried failed, and nothing was written.
    """

    def work() -> None:
        given = Given(
            output_path(output, force=force),
            service or (), zone, method, server or (), key_file, key_env, new_key, no_key, option or (),
            healthcheck or (), address or (), ttl, local_node, node or (), cluster_secret_file,
        )  # fmt: skip
        _init(given, on_terminal(yes=yes), shadow=shadow, force=force, accept_failures=accept_failures)

    with_errors(lambda: interruptible(work))


def _init(given: Given, dialogue: Dialogue, *, shadow: bool, force: bool, accept_failures: bool) -> None:
    from rrdnsd.compose.beginning.layout import configuration  # noqa: PLC0415 - help starts without all this

    answers = interview(given, dialogue)
    raw = configuration(
        answers.where, answers.nodes, answers.services, made_by="`rrdnsd init`", shadow=shadow
    )
    path = given.output
    failed = _try(dialogue, {**raw, **answers.secrets}, path, new_key=bool(answers.new_key))
    if failed and not accept_failures:
        if not dialogue.confirm(f"{failed} of what was tried failed. Write {path} anyway?", default=False):
            hint = "mend it, or give --accept-failures"
            raise CommandError(f"nothing was written: {failed} of what was tried failed; {hint}")
    elif not dialogue.confirm(f"Write {path}?", default=True):
        raise CommandError("nothing was written")
    write_all(path, raw, answers.files, force=force)
    _finish(dialogue, answers, path)


def _try(dialogue: Dialogue, raw: dict[str, object], path: Path, *, new_key: bool) -> int:
    """Try what is to be written and return how much of it failed."""
    from rrdnsd.compose.beginning.steps import try_config  # noqa: PLC0415 - as above

    config = check_raw(raw, path)
    dialogue.say("\nTried:")
    found = try_config(config, update=not new_key, tell=_teller(dialogue))
    if new_key:
        dialogue.say("  update: not asked: the DNS server does not know the new key yet")
    return sum(not finding.ok for finding in found)


def _teller(dialogue: Dialogue) -> "Callable[[Finding], None]":
    return lambda found: dialogue.say(f"  {'' if found.ok else 'FAILED '}{found.service}, {found.line()}")


def _finish(dialogue: Dialogue, answers: Answers, path: Path) -> None:
    from rrdnsd.compose.beginning.keyfile import server_side  # noqa: PLC0415 - as above

    say = dialogue.say if path == STDOUT else out
    for file in (*answers.files, *([] if path == STDOUT else [path])):
        say(f"wrote {file}")
    if answers.new_key:
        zones = dict.fromkeys(service.zone for service in answers.services)
        key_file = answers.where.credentials.removeprefix("file:")
        for zone in zones:
            names = [service.fqdn for service in answers.services if service.zone == zone]
            say(f"\n{server_side(key_file, answers.new_key, zone, names)}")
    for line in next_steps(path):
        say(line)
