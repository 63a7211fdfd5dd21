"""When people are left alone: in maintenance, and about endpoints that an operator has taken in hand."""

from collections.abc import Callable, Iterable

from rrdnsd.core.model import EndpointKey
from rrdnsd.core.override import Kind as Order
from rrdnsd.core.override import Override, by_service
from rrdnsd.core.telling import Kind
from rrdnsd.daemon.announcing.conditions import Condition

_IN_HAND = frozenset({Order.DRAIN, Order.FORCED_UP, Order.FORCED_DOWN})
_OF_ENDPOINTS = frozenset({Kind.ENDPOINT, Kind.CERTIFICATE})


def quiet(overrides: Iterable[Override], now: float) -> Callable[[Condition], bool]:
    """Return what tells if a condition must not be told while these orders stand."""
    orders = by_service(order for order in overrides if order.active(now))
    if not orders:
        return lambda _: False

    def must_wait(condition: Condition) -> bool:
        kind, service, detail = condition.subject
        found = (*orders.get("", ()), *(orders.get(service, ()) if service else ()))
        if any(order.kind is Order.MAINTENANCE for order in found):
            return True
        key = EndpointKey(service, detail)
        return kind in _OF_ENDPOINTS and any(order.kind in _IN_HAND and order.covers(key) for order in found)

    return must_wait
