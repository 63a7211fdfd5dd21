"""`rrdnsd drain` and `rrdnsd undrain`: take an address out of DNS, and say when it is safe to stop."""

import ipaddress
import sys
from typing import Annotated

import typer

from rrdnsd.cli.arguments import Address, ServiceOption
from rrdnsd.cli.asking import order
from rrdnsd.cli.exits import Exit
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import parse_duration


def drain(
    session: Session,
    address: Address,
    service: ServiceOption = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is safe to stop.")] = False,
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout",
            metavar="DURATION",
            help="Wait no longer than 90s, 5m, ...; exit code 3 if it is not safe by then.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Take an address out of DNS; wait until it is safe to stop.

    That is when no cache can have it any more. Ctrl-C ends the waiting, not the drain. Exit code 0: safe to stop; 3: not yet.
    """
    within = parse_duration(timeout, "--timeout") if timeout else None
    outcome = order(session, "drain", {"address": address, "service": service}, confirm=True)
    if no_wait or outcome.dry_run:
        return
    from rrdnsd.cli.waiting import wait_until_safe  # noqa: PLC0415 - the command line starts without pydantic

    try:
        wait_until_safe(session, _canonical(address), service, within)
    except KeyboardInterrupt:
        print(f"\nrrdnsd: the drain stays in place; rrdnsd undrain {address} ends it", file=sys.stderr)
        raise typer.Exit(Exit.INTERRUPTED) from None


def undrain(session: Session, address: Address, service: ServiceOption = None) -> None:
    """End a drain.

    The address comes back as soon as its verdict allows.
    """
    order(session, "undrain", {"address": address, "service": service})


def _canonical(address: str) -> str:
    """Write an address as reports do; the daemon has accepted it already."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
