"""`rrdnsd reload`: have one node read its configuration file again."""

from rrdnsd.cli.asking import order
from rrdnsd.cli.session import Session


def reload(session: Session) -> None:
    """Let a node read its configuration file again.

    Only the node that is asked does so. A file with mistakes changes nothing; each of them is shown. With --dry-run
    it is shown what the file would change.
    """
    order(session, "reload", {}, confirm=True)
