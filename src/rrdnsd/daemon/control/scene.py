"""What reports are made from: everything this node knows, looked at in one moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rrdnsd.config import Config
from rrdnsd.config.effective import BUILTIN
from rrdnsd.core.engine import Engine
from rrdnsd.core.ledger import Ledger
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.orders import Changes, overrides
from rrdnsd.core.override import Effective, Override
from rrdnsd.core.publishing import effective
from rrdnsd.daemon.memory import Recalled
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Stats


def _nothing(_key: EndpointKey) -> None:
    """Recall nothing."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment: `now` on the daemon's monotonic clock, `wall` in epoch seconds; `began` is when it started.

    `warnings` are sentences about this node as a whole. `orders_agree` tells if every node that is heard has
    the same ledger, `confirmed` when (on the monotonic clock) an order was known to be known to every node, by
    its key, `version` counts the changes of nodes. `checks` says what is wrong with a service as a client sees it, ""
    if nothing is; it has those that were looked at. `trial` returns the configuration that the file and some
    changes would give, or raises ConfigError; sentences about the service it names begin with `config`. `recall` tells
    what the last run knew of an endpoint, as long as this one does not know better.
    """

    config: Config
    runtime: Runtime
    ledger: Ledger
    stats: Stats
    refused: Mapping[str, int]
    trial: Callable[[Changes, str], Config]
    now: float
    wall: float
    began: float
    revision: int = 0
    warnings: Sequence[str] = ()
    orders_agree: bool = True
    confirmed: Mapping[str, float] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    recall: Callable[[EndpointKey], Recalled | None] = _nothing

    @property
    def engine(self) -> Engine:
        """What decides."""
        return self.runtime.engine

    def at(self, moment: float) -> float:
        """Return the time of day (epoch seconds) of a moment on the monotonic clock."""
        return round(self.wall - (self.now - moment), 3)

    def keepers(self, service: str) -> Sequence[ZoneKeeper]:
        """Return what keeps the records of a service, one for each server."""
        found = self.engine.services[service]
        return self.runtime.keepers.get((found.provider, found.zone), ())

    def serves_itself(self, service: str) -> bool:
        """Tell if every node answers for a service with a DNS server of its own, which the others cannot read."""
        found = self.engine.services[service]
        methods = {provider.name: provider.method for provider in self.config.effective_providers()}
        return methods.get(found.provider) == BUILTIN

    def writers(self, service: str) -> list[str]:
        """Return the nodes in the order in which they write a service."""
        electorate, zone = self.engine.electorate, self.engine.services[service].zone
        return electorate.roster.writers(zone, self.now, abstaining=bool(electorate.abstains))

    def orders(self) -> tuple[Override, ...]:
        """Return the orders that stand."""
        return overrides(self.ledger, self.wall, self.now)

    def effective(self, key: EndpointKey, orders: Sequence[Override]) -> Effective:
        """Return what counts for an endpoint under these orders."""
        return effective(self.engine.endpoints[key], orders, self.now)


def covering(orders: Sequence[Override], service: str) -> tuple[Override, ...]:
    """Return those of the orders that are about a service."""
    return tuple(order for order in orders if order.service in ("", service))
