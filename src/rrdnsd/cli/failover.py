"""`rrdnsd failover`: prefer other endpoints of a service than the order of its tiers says."""

from typing import Annotated

import typer

from rrdnsd.cli.arguments import Fqdn, complete_address
from rrdnsd.cli.asking import order
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.session import Session


def failover(
    session: Session,
    fqdn: Fqdn,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="Prefer this endpoint; may be given several times.",
            autocompletion=complete_address,
            show_default=False,
        ),
    ] = None,
    tier: Annotated[
        int | None,
        typer.Option(
            "--tier", metavar="PRIORITY", help="Prefer the endpoints of this priority.", show_default=False
        ),
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="End the failover: the usual order decides again.")
    ] = False,
) -> None:
    """Prefer other endpoints of a service.

    By default, those of its next tier. While none of them is healthy the usual order decides.
    """
    if sum((bool(to), tier is not None, back)) > 1:
        raise CommandError("give one of --to, --tier and --back", Exit.INVALID)
    if back:
        order(session, "failback", {"service": fqdn}, confirm=True)
    else:
        order(session, "failover", {"service": fqdn, "to": to or [], "tier": tier}, confirm=True)
