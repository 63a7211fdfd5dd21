"""Changes of nodes in a run: who is added and removed and when, the disks that remember it, and what must hold of it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from rrdnsd.core.membership import Change, Record

if TYPE_CHECKING:
    from simulation.node import Node
    from simulation.scenario import Fault, Scenario

EVERY = 8
"""Of so many seeds one has changes of nodes: the others judge a cluster whose nodes stay."""

FIRST = 4
"""The first of them."""

PATIENCE = 4.0
"""Seconds before all nodes stay as they are after which no change is ordered: the last one shall have ended then."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """Somebody orders a node to be added or removed."""

    at: float
    node: str
    change: Change

    def __str__(self) -> str:
        return f"at {self.node}: {self.change.action} {self.change.node}"


@dataclass(slots=True)
class NodeDisk:
    """Takes the place of `store.membership.Membership`: a process that dies before the end of a save has saved nothing."""

    rng: Random
    durable: bool = True
    record: Record | None = None

    async def save(self, record: Record) -> None:
        await asyncio.sleep(self.rng.uniform(0.001, self.rng.choice((0.01, 0.3))))
        self.record = record


def with_changes(scenario: "Scenario", crash: Callable[[float, float, str], "Fault"]) -> "Scenario":
    """Return the scenario with nodes that come and go, if its seed is one of those; `crash` makes a fault."""
    rng = Random(f"nodes {scenario.seed}")
    if scenario.seed % EVERY != FIRST or scenario.odd:
        return scenario
    names = [plan.name for plan in scenario.nodes]
    latest = scenario.quiet - PATIENCE
    joiners = tuple(
        replace(
            scenario.nodes[0],
            name=name,
            nodes=(*names, name),
            starts=rng.uniform(0.0, latest - 1.0),
            clock_offset=rng.uniform(0, 1e6),
        )
        for name in ("n8", "n9")[: rng.choice((0, 1, 1, 2))]
    )
    changes = _changes(rng, names, [(plan.name, plan.starts) for plan in joiners], latest)
    crashes = [
        crash(at, rng.uniform(at + 0.3, scenario.quiet), rng.choice(names))
        for change in changes
        if (at := change.at + rng.uniform(0.0, 0.4)) and rng.random() < 0.5
    ]
    # What some nodes see otherwise for ever can become a tie when one of them leaves, which nothing resolves.
    passing = [fault for fault in scenario.faults if fault.end <= scenario.healed]
    return replace(
        scenario,
        nodes=(*scenario.nodes, *joiners),
        changes=tuple(changes),
        faults=tuple(sorted((*passing, *crashes), key=lambda fault: fault.begin)),
        forgetful=frozenset(name for name in names if rng.random() < 0.08),
        orders=(),
    )


def _changes(
    rng: Random, names: list[str], joiners: list[tuple[str, float]], latest: float
) -> list[PlannedChange]:
    """Draw the orders. Some are given at two nodes, or contradict each other, at nearly the same time."""
    found = []
    for name, starts in joiners:
        at = rng.uniform(starts + 0.5, latest)
        found += [
            PlannedChange(at + rng.uniform(0.0, 0.2), node, Change("add", name))
            for node in rng.sample(names, min(len(names), rng.choice((1, 1, 2))))
        ]
    everybody = [*names, *(name for name, _ in joiners)]
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        action = rng.choice(("remove", "remove", "add"))
        at = rng.choice([change.at for change in found] or [latest]) if rng.random() < 0.4 else None
        at = at or rng.uniform(2.0, latest)
        found.append(PlannedChange(at, rng.choice(names), Change(action, rng.choice(everybody))))  # type: ignore[arg-type] # one of two words
    return sorted(found, key=lambda change: change.at)


@dataclass(slots=True)
class NodesOversight:
    """Watches the lists of nodes of one run; `fail` takes the first rule that is broken."""

    first: tuple[str, ...]
    fail: Callable[[str], None]
    lists: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lists[0] = self.first

    @property
    def last(self) -> tuple[str, ...]:
        """The list of the highest version."""
        return self.lists[max(self.lists)]

    def reseated(self, changed: "Node", nodes: Iterable["Node"]) -> None:
        """A node has another list: it is the one that all others know at its version, and no second quorum comes of it."""
        version, known = changed.members.version, changed.members.nodes
        if changed.members.said.base == changed.base and self.lists.setdefault(version, known) != known:
            self.fail(f"version {version} is {self.lists[version]} and, for {changed.plan.name}, {known}")
        before = self.lists.get(version - 1)
        if before is not None and len({*before} ^ {*self.lists[version]}) != 1:
            self.fail(f"version {version} is {self.lists[version]}, which is not one step from {before}")
        self.quorums(nodes)

    def quorums(self, nodes: Iterable["Node"]) -> None:
        """At no moment are there two lists of which more than half of the nodes know just that list."""
        groups: dict[tuple[str, ...], set[str]] = {}
        for node in nodes:
            if node.has_started and node.plan.name in node.members.nodes:
                groups.setdefault(node.members.nodes, set()).add(node.plan.name)
        able = [known for known, group in groups.items() if 2 * len(group) > len(known)]
        if len(able) > 1:
            self.fail(f"each of {able} has a quorum of its own")

    def agreed(self, nodes: Iterable["Node"], bound: float) -> None:
        """After healing all nodes of the last list know it."""
        for node in nodes:
            if node.plan.name in self.last and node.members.nodes != self.last:
                self.fail(
                    f"{node.plan.name} knows {node.members.nodes} instead of {self.last} {bound:g} s after healing"
                )
