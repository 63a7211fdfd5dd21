"""`rrdnsd explain`: why an address is in DNS or not."""

import shutil
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rrdnsd.cli.arguments import AddressOrAll, Fqdn
from rrdnsd.cli.asking import report
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import show_moment

if TYPE_CHECKING:
    from rrdnsd.control.reports import Explanation, StandingOrder, VoteReport


def explain(session: Session, fqdn: Fqdn, address: AddressOrAll = None) -> None:
    """Say why each address is in DNS or not.

    With the ballots, the thresholds, the orders that stand, and what would be written now.
    """
    from rrdnsd.control.reports import Explanation  # noqa: PLC0415 - the command line starts without pydantic

    found = report(session, Explanation, "explain", {"service": fqdn, "address": address})
    if found is not None:
        width = shutil.get_terminal_size().columns
        for indent, line in explanation_lines(found):
            first, more = " " * indent, " " * (indent + 2)
            print(textwrap.fill(line, width, initial_indent=first, subsequent_indent=more))


def explanation_lines(found: "Explanation") -> Iterator[tuple[int, str]]:
    """Write an explanation as lines, each with how far it is indented."""
    named = found.service in found.sentence
    yield 0, found.sentence if named else f"{found.service}: {found.sentence}"
    for address in found.addresses:
        yield 0, ""
        yield 0, address.sentence
        yield from ((2, f"- {step}") for step in address.steps)
        yield from ((4, _ballot(vote)) for vote in found.ballots.get(address.address, []))
    for title, lines in (
        ("Thresholds", list(found.thresholds)),
        ("Orders", [_order(order) for order in found.orders]),
        ("Writes first", [found.writer] if found.writer else []),
        ("Would be written now", [f"{server}: {plan}" for server, plan in found.plan.items()]),
        ("Last answer to an update", [f"{server}: {rcode}" for server, rcode in found.last_rcode.items()]),
    ):
        if lines:
            yield 0, ""
            yield 0, title
            yield from ((2, line) for line in lines)


def _ballot(vote: "VoteReport") -> str:
    reason = f" ({vote.reason})" if vote.reason else ""
    return f"{vote.node}: {vote.state}{reason}{'' if vote.counted else ', does not count now'}"


def _order(order: "StandingOrder") -> str:
    on = " ".join(filter(None, (order.kind, order.address, *order.to)))
    by = f" by {order.who}" if order.who else ""
    until = f", until {show_moment(order.until)}" if order.until is not None else ""
    return f"{on} since {show_moment(order.since)}{by}{until}{f': {order.why}' if order.why else ''}"
