"""What operators order: drain, maintenance, forced up or down. Observed state and orders are never mixed up;
the effective state is derived from both each time it is needed, and never stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from rrdnsd.core.model import EndpointKey, State


class Kind(StrEnum):
    """The orders there are."""

    DRAIN = "drain"
    MAINTENANCE = "maintenance"
    FORCED_UP = "forced up"
    FORCED_DOWN = "forced down"


@dataclass(frozen=True, slots=True)
class Override:
    """An order for a service, or for one of its endpoints; maintenance of service "" is for all of them.

    `until` is when it ends by itself, on the engine's clock; None means when it is lifted.
    """

    kind: Kind
    service: str
    address: str = ""
    until: float | None = None
    who: str = ""
    why: str = ""

    def covers(self, key: EndpointKey) -> bool:
        """Tell if the order is about this endpoint."""
        return self.service in ("", key.service) and self.address in ("", key.address)

    def active(self, now: float) -> bool:
        """Tell if it has not ended yet."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Effective:
    """What counts for publishing: verdict and orders together, with the reason.

    `pending` endpoints have no quorum behind their verdict at the moment and stay as they are published;
    `divided` ones are pending although a quorum of nodes has voted.
    """

    state: State
    reason: str
    drained: bool = False
    pending: bool = False
    divided: bool = False


def effective(observed: Effective, key: EndpointKey, overrides: Iterable[Override], now: float) -> Effective:
    """Apply the orders that cover an endpoint: forced states replace the verdict, a drain stands beside it."""
    found = observed
    for override in overrides:
        if not override.covers(key) or not override.active(now):
            continue
        if override.kind is Kind.DRAIN:
            found = replace(found, drained=True)
        elif override.kind is Kind.FORCED_UP:
            found = Effective(State.UP, _ordered(override), found.drained)
        elif override.kind is Kind.FORCED_DOWN:
            found = Effective(State.DOWN, _ordered(override), found.drained)
    return found


def maintenance(service: str, overrides: Iterable[Override], now: float) -> Override | None:
    """Return the order that freezes this service's records, if there is one."""
    for override in overrides:
        if override.kind is Kind.MAINTENANCE and override.service in ("", service) and override.active(now):
            return override
    return None


def _ordered(override: Override) -> str:
    return (
        str(override.kind)
        + (f" by {override.who}" if override.who else "")
        + (f": {override.why}" if override.why else "")
    )
