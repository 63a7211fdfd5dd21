"""`rrdnsd service add` and `rrdnsd service remove`: what is watched."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from rrdnsd.cli.arguments import Fqdn
from rrdnsd.cli.asking import order
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.session import Session

_LARGEST = 1_000_000


def add(
    session: Session,
    fqdn: Annotated[
        str | None, typer.Argument(metavar="FQDN", help="The name to watch.", show_default=False)
    ] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="Its DNS zone.", show_default=False)] = None,
    healthcheck: Annotated[
        str | None,
        typer.Option(
            "--healthcheck", metavar="URL", help="What is probed; {} is the address.", show_default=False
        ),
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option(
            "--address",
            metavar="ADDRESS",
            help="An endpoint; may be given several times.",
            show_default=False,
        ),
    ] = None,
    ttl: Annotated[
        int | None, typer.Option("--ttl", metavar="SECONDS", help="Of its records.", show_default=False)
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other key of a service in the configuration file; the value is JSON or text.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="A JSON object as in `services` of the configuration file; - is standard input.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Watch one more service on all nodes.

    It is given by options, by a JSON object, or by both; options go before.
    """
    given = {"fqdn": fqdn, "zone": zone, "healthcheck": healthcheck, "ipaddrs": address or None, "ttl": ttl}
    config = {
        **(_read(file) if file else {}),
        **{key: value for key, value in given.items() if value is not None},
        **dict(map(_setting, settings or [])),
    }
    if not config:
        raise CommandError(
            "give the service by options or by --file: see rrdnsd service add --help", Exit.INVALID
        )
    order(session, "service/add", {"config": config})


def remove(
    session: Session,
    fqdn: Fqdn,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Also delete its A and AAAA records.")] = False,
) -> None:
    """Stop to watch a service on all nodes; its records stay.

    With --withdraw they are deleted.
    """
    order(session, "service/remove", {"service": fqdn, "withdraw": withdraw}, confirm=True)


def _read(file: Path) -> dict[str, object]:
    name = "standard input" if str(file) == "-" else str(file)
    try:
        if str(file) == "-":
            text = sys.stdin.read(_LARGEST)
        else:
            with file.open(encoding="utf-8") as opened:
                text = opened.read(_LARGEST)
        made = json.loads(text)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}", Exit.INVALID) from None
    except ValueError as error:
        raise CommandError(f"{name} is no JSON: {error}", Exit.INVALID) from None
    if not isinstance(made, dict):
        raise CommandError(
            f"{name} must hold one object, as in `services` of the configuration", Exit.INVALID
        )
    return made


def _setting(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise CommandError(f"--set must be like interval_ms=1000, not {text!r}", Exit.INVALID)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
