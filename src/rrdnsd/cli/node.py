"""`rrdnsd node add` and `rrdnsd node remove`: who votes."""

from typing import Annotated

import typer

from rrdnsd.cli.arguments import complete_node
from rrdnsd.cli.asking import order
from rrdnsd.cli.session import Session

Node = Annotated[
    str,
    typer.Argument(metavar="NODE", help="Its local_node, like 10.0.0.4:3333.", autocompletion=complete_node),
]


def add(session: Session, node: Node) -> None:
    """Let one more node vote. A quorum of the present nodes must agree."""
    order(session, "node/add", {"node": node}, confirm=True)


def remove(session: Session, node: Node) -> None:
    """Let a node vote no longer. A quorum of the present nodes must agree."""
    order(session, "node/remove", {"node": node}, confirm=True)
