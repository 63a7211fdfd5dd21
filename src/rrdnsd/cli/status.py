"""`rrdnsd status`: what is in DNS and why, once or live."""

from typing import Annotated

import typer

from rrdnsd.cli.arguments import ServiceOption
from rrdnsd.cli.asking import report
from rrdnsd.cli.session import Session


def status(
    session: Session,
    service: ServiceOption = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show every change until Ctrl-C.")] = False,
) -> None:
    """Show services, endpoints, DNS, orders that stand, nodes."""
    from rrdnsd.cli.status_view import status_view  # noqa: PLC0415 - help needs no tables
    from rrdnsd.cli.watching import watch_status  # noqa: PLC0415 - as above
    from rrdnsd.control.reports import StatusReport  # noqa: PLC0415 - as above

    query = {"service": service}
    if watch:
        watch_status(session, query)
        return
    found = report(session, StatusReport, "status", query)
    if found is not None:
        from rrdnsd.cli.tables import show  # noqa: PLC0415 - as above

        show(status_view(found))
