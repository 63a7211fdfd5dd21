"""`rrdnsd force`: take an endpoint for up or down, whatever the probes say."""

from enum import StrEnum
from typing import Annotated

import typer

from rrdnsd.cli.arguments import Address, Fqdn
from rrdnsd.cli.asking import order
from rrdnsd.cli.session import Session


class Forced(StrEnum):
    """What an endpoint is taken for; with OFF the probes are believed again."""

    UP = "up"
    DOWN = "down"
    OFF = "off"


def force(
    session: Session,
    fqdn: Fqdn,
    address: Address,
    state: Annotated[
        Forced,
        typer.Argument(metavar="up|down|off", help="What it is taken for; off: the probes decide again."),
    ],
) -> None:
    """Take an endpoint for up or down, whatever probes say."""
    endpoint = {"service": fqdn, "address": address}
    if state is Forced.OFF:
        order(session, "unforce", endpoint)
    else:
        order(session, "force", {**endpoint, "state": state.value}, confirm=state is Forced.DOWN)
