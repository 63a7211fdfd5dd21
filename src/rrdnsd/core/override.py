"""What operators order: drain, maintenance, pause, failover, forced up or down. Observed state and orders are
never mixed up; the effective state is derived from both each time it is needed, and never stored.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from rrdnsd.core.model import EndpointKey, State


class Kind(StrEnum):
    """The orders there are."""

    DRAIN = "drain"
    MAINTENANCE = "maintenance"
    FORCED_UP = "forced up"
    FORCED_DOWN = "forced down"
    PAUSE = "pause"
    FAILOVER = "failover"


@dataclass(frozen=True, slots=True)
class Override:
    """An order for a service, or for one of its endpoints; that of service "" is for all of them.

    `until` is when it ends by itself, on the engine's clock; None means when it is lifted. `to` are the
    addresses that a failover prefers.
    """

    kind: Kind
    service: str
    address: str = ""
    until: float | None = None
    who: str = ""
    why: str = ""
    to: frozenset[str] = frozenset()

    def covers(self, key: EndpointKey) -> bool:
        """Tell if the order is about this endpoint."""
        return self.service in ("", key.service) and self.address in ("", key.address)

    def active(self, now: float) -> bool:
        """Tell if it has not ended yet."""
        return self.until is None or now < self.until

    @property
    def sentence(self) -> str:
        """What was ordered, by whom and why."""
        to = f" to {', '.join(sorted(self.to))}" if self.to else ""
        who = f" by {self.who}" if self.who else ""
        return f"{_WORDS.get(self.kind, self.kind)}{to}{who}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True, slots=True)
class Effective:
    """What counts for publishing: verdict and orders together, with the reason.

    `drained` is the sentence of the drain, "" without one; `forced` is what an operator takes it for.
    `pending` endpoints have no quorum behind their verdict at the moment and stay as they are published;
    `divided` ones are pending although a quorum of nodes has voted.
    """

    state: State
    reason: str
    drained: str = ""
    pending: bool = False
    divided: bool = False
    forced: State | None = None

    @property
    def out(self) -> str:
        """Why an operator's order keeps it out of DNS, whatever its health is; "" if none does."""
        return self.drained or (self.reason if self.forced is State.DOWN else "")


def effective(observed: Effective, key: EndpointKey, overrides: Iterable[Override], now: float) -> Effective:
    """Apply the orders that cover an endpoint: forced states replace the verdict, a drain stands beside it."""
    found = observed
    for override in overrides:
        if not override.covers(key) or not override.active(now):
            continue
        if override.kind is Kind.DRAIN:
            found = replace(found, drained=override.sentence)
        elif override.kind in _FORCED:
            state = _FORCED[override.kind]
            found = Effective(state, override.sentence, found.drained, forced=state)
    return found


def maintenance(service: str, overrides: Iterable[Override], now: float) -> Override | None:
    """Return the order that freezes this service's records, if there is one."""
    return _first(Kind.MAINTENANCE, ("", service), overrides, now)


def pause(overrides: Iterable[Override], now: float) -> Override | None:
    """Return the order by which nobody writes anything, if there is one."""
    return _first(Kind.PAUSE, ("",), overrides, now)


def failover(service: str, overrides: Iterable[Override], now: float) -> Override | None:
    """Return the order that prefers some of a service's endpoints, if there is one."""
    return _first(Kind.FAILOVER, (service,), overrides, now)


def by_service(overrides: Iterable[Override]) -> dict[str, tuple[Override, ...]]:
    """Group the orders by service, so that thousands of them cost nothing where they do not apply."""
    found: dict[str, list[Override]] = {}
    for override in overrides:
        found.setdefault(override.service, []).append(override)
    return {service: tuple(orders) for service, orders in found.items()}


_FORCED = {Kind.FORCED_UP: State.UP, Kind.FORCED_DOWN: State.DOWN}
_WORDS = {Kind.DRAIN: "drained", Kind.PAUSE: "paused"}


def _first(
    kind: Kind, services: Collection[str], overrides: Iterable[Override], now: float
) -> Override | None:
    found = (o for o in overrides if o.kind is kind and o.service in services and o.active(now))
    return next(found, None)
