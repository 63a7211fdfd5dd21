"""`rrdnsd token new`: a token for the API, and the line for the configuration."""

import json
import re
from enum import StrEnum
from typing import Annotated

import typer

from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.session import with_errors


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    WRITE = "write"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; the audit names it.")],
    scope: Annotated[Scope, typer.Option("--scope", help="What it allows.")] = Scope.READ,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a token. It is printed once and kept nowhere; the configuration gets only its hash."""
    with_errors(lambda: _new(name, scope, as_json=as_json))


def _new(name: str, scope: Scope, *, as_json: bool) -> None:
    from rrdnsd.config.tokens import new_token  # noqa: PLC0415 - the command line starts without pydantic

    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", name):
        raise CommandError("NAME must consist of letters, digits and _ . -", Exit.INVALID)
    token, hashed = new_token()
    line = {"name": name, "hash": hashed, "scope": scope.value}
    if as_json:
        print(json.dumps({"token": token, "config": line}))
        return
    print(f"The token, for {name} alone (it cannot be shown again):\n\n  {token}\n")
    print(f'For "api": {{"tokens": [...]}} in the configuration of every node:\n\n  {json.dumps(line)}\n')
    print("Then restart rrdnsd.")
