"""What operators order in a run, and what orders mean: written naively, without asking the daemon."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from rrdnsd.core.ledger import Entry, Stamp
from rrdnsd.core.model import Service

SHARE = 0.35
"""Of all runs, how many have orders: the others judge the cluster by itself."""

EPOCH = 1_795_000_000.0
"""Seconds since 1970 when the world begins."""


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order that somebody gives at a node, whose clock then shows `wall` (epoch seconds)."""

    at: float
    node: str
    key: str
    value: str | None
    wall: float

    def __str__(self) -> str:
        return f"at {self.node}: {self.key} {self.value or 'lifted'} (its clock: {self.wall:.3f})"


@dataclass(slots=True)
class Standing:
    """The orders that stand for a service."""

    drained: set[str] = field(default_factory=set)
    forced: dict[str, str] = field(default_factory=dict)
    held: str = ""

    @property
    def out(self) -> set[str]:
        """Addresses that shall not be served whatever their health is."""
        return self.drained | {address for address, state in self.forced.items() if state == "down"}

    def left(self, service: Service) -> Service:
        """Return the service without the endpoints that operators have taken out."""
        return replace(service, endpoints=tuple(e for e in service.endpoints if e.address not in self.out))

    def believed(self, verdicts: dict[str, str]) -> dict[str, str]:
        """Return the verdicts on what is left, as operators want them to be taken."""
        return {a: self.forced.get(a, verdict) for a, verdict in verdicts.items() if a not in self.out}


def standing(entries: Iterable[Entry], fqdn: str) -> Standing:
    """Tell what stands for a service by these entries."""
    found = Standing()
    for entry in entries:
        if entry.value is None:
            continue
        match entry.key.split("|"):
            case ["drain", service, address] if service in ("", fqdn):
                found.drained.add(address)
            case ["force", service, address] if service == fqdn:
                found.forced[address] = json.loads(entry.value)["state"]
            case ["maintenance", service] if service in ("", fqdn):
                found.held = entry.key
            case ["pause"]:
                found.held = entry.key
            case _:
                pass
    return found


def draw_orders(
    seed: int,
    nodes: Sequence[str],
    services: Sequence[Service],
    quiet: float,
    crashes: Sequence[tuple[str, float]],
) -> tuple[PlannedOrder, ...]:
    """Draw who orders what and when. The same things are ordered again and again, so that nodes disagree.

    `crashes` are nodes and when they are killed: some get an order just before.
    """
    rng = Random(f"orders {seed}")
    if rng.random() >= SHARE:
        return ()
    skew = {node: rng.choice((0.0, 0.0, rng.uniform(-9, 9), rng.uniform(-1e4, 1e4), 1e9)) for node in nodes}
    things = [_thing(rng, services) for _ in range(rng.choice((1, 1, 2, 3)))]
    found = []
    for _ in range(rng.randint(1, 8)):
        key, value = rng.choice(things)
        lifted = rng.random() < 0.4
        found.append((rng.uniform(0.5, quiet), rng.choice(nodes), key, None if lifted else value))
    for node, at in crashes:
        if rng.random() < 0.7:
            found.append((at - rng.uniform(0.0, 0.5), node, *rng.choice(things)))
    for key, _ in sorted(set(things)):
        if rng.random() < (0.4 if key.startswith("drain") else 0.8):
            found.append((rng.uniform(quiet - 1.0, quiet), rng.choice(nodes), key, None))
    return tuple(
        PlannedOrder(
            at, node, key, value, EPOCH + at + skew[node] + rng.choice((0.0, 0.0, rng.uniform(-50, 50)))
        )
        for at, node, key, value in sorted(found, key=lambda order: order[0])
    )


def _thing(rng: Random, services: Sequence[Service]) -> tuple[str, str]:
    service = rng.choice(services)
    address = rng.choice(service.endpoints).address
    match rng.choice(("drain", "drain", "drain", "force", "force", "maintenance", "all", "pause")):
        case "drain":
            return f"drain|{rng.choice((service.fqdn, service.fqdn, ''))}|{address}", "{}"
        case "force":
            return f"force|{service.fqdn}|{address}", f'{{"state":"{rng.choice(("up", "down"))}"}}'
        case "maintenance":
            return f"maintenance|{service.fqdn}", '{"until":null}'
        case "all":
            return "maintenance|", '{"until":null}'
        case _:
            return "pause", "{}"


def ordered_out(orders: Iterable[PlannedOrder], fqdn: str) -> set[str]:
    """Return the addresses of a service that are ordered out at some time of the run."""
    entries = [Entry(order.key, Stamp(0, 0, ""), order.value) for order in orders]
    return {address for entry in entries for address in standing([entry], fqdn).out}
