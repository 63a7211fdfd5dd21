"""`rrdnsd refresh`: write a name anew."""

from rrdnsd.cli.arguments import Fqdn
from rrdnsd.cli.asking import order
from rrdnsd.cli.session import Session


def refresh(session: Session, fqdn: Fqdn) -> None:
    """Write a name anew.

    First all its live endpoints are added, then the unreachable ones deleted.
    """
    order(session, "refresh", {"service": fqdn}, confirm=True)
