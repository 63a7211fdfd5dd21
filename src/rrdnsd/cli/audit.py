"""`rrdnsd audit`: who changed what, and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from rrdnsd.cli.asking import report
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import show_moment

if TYPE_CHECKING:
    from rrdnsd.control.reports import AuditReport


def audit(
    session: Session,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="The newest so many.")] = 50,
) -> None:
    """Show who changed what and why, the newest last."""
    from rrdnsd.control.reports import AuditPage  # noqa: PLC0415 - the command line starts without pydantic

    page = report(session, AuditPage, "audit", {"limit": limit})
    if page is not None:
        from rrdnsd.cli.tables import show, table  # noqa: PLC0415 - help needs no tables

        rows = [[show_moment(row.at), row.who, row.action, _what(row)] for row in reversed(page.rows)]
        show(table(["when", "who", "did", "what, and why"], rows))


def _what(row: "AuditReport") -> str:
    why = f": {row.why}" if row.why else ""
    changed = not isinstance(row.after, dict) or row.after.get("changed", True)
    return f"{row.target}{why}{'' if changed else ' (changed nothing)'}"
