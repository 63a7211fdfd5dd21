"""`rrdnsd endpoint add` and `rrdnsd endpoint remove`: the addresses of a service."""

from typing import Annotated

import typer

from rrdnsd.cli.arguments import Address, Fqdn
from rrdnsd.cli.asking import order
from rrdnsd.cli.session import Session


def add(
    session: Session,
    fqdn: Fqdn,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address to add.")],
    priority: Annotated[int, typer.Option("--priority", help="Its tier; the lowest is preferred.")] = 0,
    label: Annotated[str, typer.Option("--label", help="A name for people.")] = "",
) -> None:
    """Add an address to a service; it is published once it is up."""
    body = {"service": fqdn, "address": address, "priority": priority, "label": label}
    order(session, "endpoint/add", body)


def remove(
    session: Session,
    fqdn: Fqdn,
    address: Address,
    keep: Annotated[bool, typer.Option("--keep", help="Leave its record in DNS as it is.")] = False,
) -> None:
    """Remove an address from a service, and its record from DNS."""
    body = {"service": fqdn, "address": address, "keep": keep}
    order(session, "endpoint/remove", body, confirm=True)
