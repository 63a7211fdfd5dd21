"""The other nodes, as this one sees them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeerReport:
    """One peer as this node sees it: whether its ballots count, and how long ago it was heard."""

    node: str
    counted: bool
    heard_s: float | None
    abstains: str


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """The cluster as this node sees it.

    `no_quorum` says why nothing may be written, `abstains` why this node's ballots do not count; both are
    "" when all is well. `mismatches` are differences of configuration, `refused` counts messages by cause.
    `orders_agree` tells if every node that is heard knows the same orders. `version` counts the changes of nodes.
    """

    nodes: int
    no_quorum: str
    abstains: str
    peers: list[PeerReport]
    mismatches: list[str]
    refused: dict[str, int]
    version: int = 0
    orders_agree: bool = True
