"""The orders that stand, as they are shown."""

import json
from collections.abc import Iterator

from rrdnsd.control.reports import StandingOrder
from rrdnsd.core.ledger import Entry, Ledger
from rrdnsd.core.orders import overrides
from rrdnsd.core.override import Kind, Override
from rrdnsd.daemon.control.words import by, clock, listed

SHOWN = frozenset({"drain", "force", "maintenance", "pause", "failover"})
"""The kinds of ledger keys that are orders to the decisions; the others change the configuration."""


def is_change(key: str) -> bool:
    """Tell if a key of the ledger is about the configuration."""
    return key.partition("|")[0] in {"service", "endpoint", "unlisted"}


def is_over(entry: Entry, wall: float) -> bool:
    """Tell if an order has ended by itself at this time (epoch seconds)."""
    until = _until(entry) if entry.key.startswith("maintenance|") else None
    return until is not None and until <= wall


def standing(ledger: Ledger, wall: float) -> list[StandingOrder]:
    """Return the orders that stand at this time (epoch seconds), the latest first."""
    return [order for order in ledger.read(_reports) if order.until is None or wall < order.until]


def _reports(ledger: Ledger) -> list[StandingOrder]:
    found = [_report(entry, order) for entry, order in _understood(ledger)]
    return sorted(found, key=lambda order: order.since, reverse=True)


def _understood(ledger: Ledger) -> Iterator[tuple[Entry, Override]]:
    """Go through the orders to the decisions, ended ones included, with the entries they come from."""
    for entry in ledger:
        if entry.value is not None and entry.key.partition("|")[0] in SHOWN:
            for order in overrides((entry,), 0.0, 0.0):
                yield entry, order


def about(orders: list[StandingOrder], service: str, address: str | None = None) -> list[StandingOrder]:
    """Return those that touch a service, and of those about addresses only those of one."""
    return [
        order
        for order in orders
        if order.service in ("", service)
        and (not order.address or address is None or order.address == address)
    ]


def _report(entry: Entry, order: Override) -> StandingOrder:
    return StandingOrder(
        kind=str(order.kind),
        service=order.service,
        address=order.address,
        to=sorted(order.to),
        since=entry.stamp.wall_ms / 1000,
        until=_until(entry) if order.kind is Kind.MAINTENANCE else None,
        who=entry.who,
        why=entry.why,
        node=entry.stamp.node,
    )


def _until(entry: Entry) -> float | None:
    until = json.loads(entry.value or "{}").get("until")
    return float(until) if isinstance(until, int | float) else None


def sentence(entry: Entry) -> str:
    """Say what an entry means: what was ordered or ended, by whom and why."""
    kind, *names = entry.key.split("|")
    about = " of ".join(reversed([name for name in names if name])) or "the cluster"
    words = _WORDS.get(kind, (kind, f"{kind} ended"))
    value = json.loads(entry.value) if entry.value is not None else None
    if kind == "unlisted":
        return f"{names[0]}: {_unlisted(names[-1], value)}{by(entry.who, entry.why)}"
    detail = _detail(kind, value) if value is not None else ""
    return f"{about}: {words[value is None]}{detail}{by(entry.who, entry.why)}"


def place(entry: Entry) -> tuple[str, str]:
    """Return the service and the address that an entry is about, "" where it is about none."""
    kind, *names = entry.key.split("|")
    service, address = (*names, "", "")[:2]
    return service, "" if kind == "unlisted" else address


def _unlisted(node: str, value: dict[str, object] | None) -> str:
    if value is None:
        return f"the file of {node} asks for no withdrawal any more"
    addresses = value.get("addresses")
    told = listed([str(address) for address in addresses]) if isinstance(addresses, list) else ""
    return f"the file of {node} lists {told} no more, and wants the records deleted"


_WORDS = {
    "drain": ("drained", "drain ended"),
    "force": ("forced", "believed again"),
    "maintenance": ("maintenance", "maintenance ended"),
    "pause": ("paused", "resumed"),
    "failover": ("failover", "failover ended"),
    "service": ("changed", "as in the file again"),
    "endpoint": ("changed", "as in the file again"),
}


def _detail(kind: str, value: dict[str, object]) -> str:
    match kind:
        case "force":
            return f" {value.get('state')}"
        case "maintenance" if isinstance(until := value.get("until"), int | float):
            return f" until {clock(until, 0)}"
        case "failover" if isinstance(to := value.get("to"), list):
            return f" to {listed([str(address) for address in to])}"
        case "service" | "endpoint":
            return ": removed" if value.get("removed") else ": added"
        case _:
            return ""
