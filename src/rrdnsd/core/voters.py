"""Who votes on a service: every node, or so many of them, which are then the only ones that probe it.

The voters are chosen from the *configured* nodes, whether they can be heard or not: so every node knows the same
ones, and of two groups that cannot hear each other at most one has a quorum of them.
"""

from collections.abc import Iterable, Mapping

from rrdnsd.core.model import Service
from rrdnsd.core.rendezvous import weight


def voters(service: str, nodes: Iterable[str], count: int | None) -> tuple[str, ...]:
    """Return the nodes that vote on a service, sorted: so many of them, or all if that is None or not fewer.

    The label keeps the first writer of a zone from being always a voter on the name of the zone itself.
    """
    everybody = sorted(nodes)
    if count is None or count >= len(everybody):
        return tuple(everybody)
    heaviest = sorted(everybody, key=lambda node: weight(node, f"voters {service}"), reverse=True)
    return tuple(sorted(heaviest[:count]))


class Voters:
    """The voters of every service that has not all nodes for voters, as this node has to count them."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._nodes = tuple(sorted(nodes))
        self._counts: dict[str, int] = {}
        self._chosen: dict[str, tuple[str, ...]] = {}

    def of(self, service: str) -> tuple[str, ...]:
        """Return the voters of a service, sorted."""
        return self._chosen.get(service, self._nodes)

    def are_all(self, service: str) -> bool:
        """Tell if every node votes on a service."""
        return service not in self._chosen

    def configure(self, services: Mapping[str, Service]) -> None:
        """Choose the voters of these services; those that stay as they are cost nothing."""
        counts = {name: service.voters for name, service in services.items() if service.voters is not None}
        known = {name: self._chosen[name] for name in self._chosen if counts.get(name) == self._counts[name]}
        self._counts = counts
        self._choose(known)

    def reseat(self, nodes: Iterable[str]) -> None:
        """Choose anew, from another list of nodes."""
        self._nodes = tuple(sorted(nodes))
        self._choose({})

    def _choose(self, known: Mapping[str, tuple[str, ...]]) -> None:
        self._chosen = {
            name: known.get(name) or voters(name, self._nodes, count)
            for name, count in self._counts.items()
            if count < len(self._nodes)
        }
