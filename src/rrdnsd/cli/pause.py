"""`rrdnsd pause` and `rrdnsd resume`: let no node write, or let them again."""

from rrdnsd.cli.asking import order
from rrdnsd.cli.session import Session


def pause(session: Session) -> None:
    """Let no node of the cluster write DNS.

    All still probe, vote and report.
    """
    order(session, "pause", {}, confirm=True)


def resume(session: Session) -> None:
    """End the pause."""
    order(session, "resume", {})
