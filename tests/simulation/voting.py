"""Runs in which a service is probed and voted on by some of the nodes only."""

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from rrdnsd.core.model import Service

if TYPE_CHECKING:
    from simulation.scenario import Scenario

EVERY = 16
AMONG = frozenset({0, 4, 7, 11, 13})
"""Of so many seeds these have voters; one of them has nodes that come and go as well. The others keep their runs."""

NODES = (1, 2, 3, 4, 5, 7)
_USUAL = (4, 12, 54, 12, 14, 4)
_MANY = (0, 6, 30, 16, 32, 16)

HALFWAY = 0.15
"""The share of them in which the files of the nodes are being changed."""

_LEAST_FOR_AN_ODD_ONE = 3
"""With fewer voters one that is configured differently freezes the service, as it should."""


def node_counts(seed: int) -> tuple[int, ...]:
    """Return how often a run has so many `NODES`: more of them where only some vote."""
    return _MANY if seed % EVERY in AMONG else _USUAL


def with_voters(scenario: "Scenario") -> "Scenario":
    """Return the scenario with voters, if its seed is one of those."""
    if scenario.seed % EVERY not in AMONG:
        return scenario
    rng = Random(f"voters {scenario.seed}")
    nodes = len(scenario.nodes if scenario.odd else scenario.nodes[0].nodes)
    odd, fewer = scenario.odd, _halfway(rng, scenario)
    least = min(nodes, _LEAST_FOR_AN_ODD_ONE) if odd else 1
    counts = {s.fqdn: rng.choice((None, *[*range(least, nodes + 1)] * 2)) for s in scenario.reference}
    if fewer:
        odd, counts = frozenset(fewer), dict.fromkeys(counts)
    plans = tuple(
        replace(plan, services=tuple(_with(s, fewer.get(plan.name, counts[s.fqdn])) for s in plan.services))
        for plan in scenario.nodes
    )
    reference = tuple(_with(s, counts[s.fqdn]) for s in scenario.reference)
    # What one voter sees otherwise for ever, beside another that is configured differently, freezes a service as well.
    faults = tuple(fault for fault in scenario.faults if not odd or fault.end <= scenario.healed)
    return replace(scenario, nodes=plans, reference=reference, odd=odd, faults=faults)


def _halfway(rng: Random, scenario: "Scenario") -> dict[str, int]:
    """Draw how many voters some nodes know of while the most know of none: somebody is changing files one by one."""
    names = [plan.name for plan in scenario.nodes]
    if scenario.odd or scenario.changes or rng.random() > HALFWAY:
        return {}
    voters = rng.choice((1, 2, 3))
    return dict.fromkeys(rng.sample(names, (len(names) - 1) // 2), voters)


def _with(service: Service, voters: int | None) -> Service:
    """Ask so many nodes; what another number of them is asked is another question."""
    if voters is None:
        return service
    return replace(service, voters=voters, definition=f"{service.definition}, voters {voters}")
