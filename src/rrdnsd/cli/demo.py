"""`rrdnsd demo`: the main job, live."""

from typing import Annotated

import typer


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after one round; exit 0 if all was seen in DNS.")
    ] = False,
) -> None:
    """Show on loopback how DNS follows the endpoints.

    Endpoints die and come back. Nothing else is needed.
    """
    from rrdnsd.cli.demonstration import show  # noqa: PLC0415 - the command line starts without asyncio

    raise typer.Exit(show(once=once))
