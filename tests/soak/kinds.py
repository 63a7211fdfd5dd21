"""The kinds of faults, what each of them is about, and how long it stands. Nothing here touches anything."""

from dataclasses import dataclass
from itertools import combinations, permutations

NODES = ("node1", "node2", "node3")
SERVICES = {
    "www": tuple(f"10.77.1.{number}" for number in range(1, 6)),
    "api": tuple(f"10.77.1.{number}" for number in range(6, 9)),
}
ADDRESSES = tuple(address for addresses in SERVICES.values() for address in addresses)
PAIRS = tuple(combinations(NODES, 2))


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong. `target` is an address, a node, two nodes, or "" for all."""

    kind: str
    target: str = ""

    def __str__(self):
        return f"{self.kind} {self.target}".strip()

    @property
    def nodes(self):
        """The nodes that it names."""
        return tuple(self.target.split(">")) if self.target.startswith("node") else ()


@dataclass(frozen=True, slots=True)
class Kind:
    """`what` a reader is told; whom it can hit; how long it stands, in seconds (0: it is done at once)."""

    what: str
    targets: tuple[str, ...]
    least: float
    most: float


KINDS = {
    "endpoint closed": Kind("connections are refused", ADDRESSES, 3, 15),
    "endpoint silent": Kind("its packets are dropped", ADDRESSES, 4, 15),
    "endpoint slow": Kind("it answers after the time-out", ADDRESSES, 4, 15),
    "endpoint failing": Kind("it answers with status 500", ADDRESSES, 3, 15),
    "service down": Kind("all endpoints of it but one are closed", tuple(SERVICES), 5, 10),
    "node killed": Kind("SIGKILL, then a new start", NODES, 1, 7),
    "node frozen": Kind("SIGSTOP, then SIGCONT", NODES, 1, 8),
    "node alone": Kind("its links to both peers are cut", NODES, 8, 12),
    "link cut": Kind("nothing passes between two nodes", tuple(map(">".join, PAIRS)), 3, 10),
    "link one way": Kind(
        "the first cannot connect to the second", tuple(map(">".join, permutations(NODES, 2))), 3, 10
    ),
    "links lossy": Kind("a fifth of all packets between the nodes, and to named, is lost", ("",), 4, 10),
    "link to named cut": Kind("a node does not reach named", NODES, 3, 7),
    "uplink cut": Kind("a node reaches no endpoint", NODES, 3, 9),
    "named killed": Kind("SIGKILL, then a new start", ("",), 1, 5),
    "named read-only": Kind("it refuses updates", ("",), 2, 5),
    "named refusing": Kind("it refuses all that nodes ask", ("",), 2, 5),
    "disk full": Kind("a node's state_dir is full", NODES, 4, 10),
    "clock wrong": Kind("a node's clock jumps by an hour, and back", NODES, 3, 7),
    "record removed": Kind("somebody deletes an address by hand", ADDRESSES, 0, 0),
}
ENDPOINT = frozenset({"endpoint closed", "endpoint silent", "endpoint slow", "endpoint failing"})
NAMED = frozenset({"named killed", "named read-only", "named refusing"})
CLAIMED = {
    "node killed": "life of",
    "node frozen": "life of",
    "link to named cut": "named from",
} | dict.fromkeys(NAMED, "named")


def service_of(address):
    return next(name for name, addresses in SERVICES.items() if address in addresses)


def killed_endpoints(fault):
    """Return the addresses that are dead while it stands."""
    if fault.kind in ENDPOINT:
        return frozenset({fault.target})
    if fault.kind == "service down":
        return frozenset(SERVICES[fault.target][1:])
    return frozenset()


def claims(fault):
    """Return the things that this fault needs for itself: two that claim the same cannot stand together."""
    if dead := killed_endpoints(fault):
        return dead
    match fault.kind:
        case "record removed":
            return frozenset({"named", f"records of {service_of(fault.target)}"})
        case "links lossy":
            return frozenset({*PAIRS, *(f"named from {node}" for node in NODES)})
        case "node alone":
            return frozenset(pair for pair in PAIRS if fault.target in pair)
        case "link cut" | "link one way":
            return frozenset({tuple(sorted(fault.nodes))})
        case kind:
            return frozenset({f"{CLAIMED.get(kind, kind)} {fault.target}".strip()})


def fails_dns(fault, node):
    """Tell if a node cannot write while it stands."""
    if fault.kind in {"link to named cut", "clock wrong"}:
        return fault.target == node
    return fault.kind in NAMED or fault.kind == "links lossy"


def blinds(fault, node):
    """Tell if a node cannot be expected to see endpoints rightly, speak or write while it stands. A full disk is no excuse."""
    if fault.kind in {"node killed", "node frozen", "uplink cut"}:
        return fault.target == node
    return fault.kind == "stall" or fails_dns(fault, node)


def parts(fault, one, other):
    """Tell if two nodes cannot hear each other well while it stands."""
    if fault.kind == "node alone":
        return fault.target in {one, other}
    if fault.kind in {"link cut", "link one way"}:
        return {*fault.nodes} == {one, other}
    return fault.kind == "links lossy"


def silences(fault, peer, node):
    """Tell if surely nothing of a peer arrives at a node while it stands."""
    if fault.kind in {"node killed", "node frozen"}:
        return fault.target == peer
    return fault.kind in {"node alone", "link cut"} and parts(fault, peer, node)
