"""What is wrong at the moment, and what that does to messages, probes, DNS exchanges and nodes."""

from dataclasses import dataclass, field

from rrdnsd.core.model import EndpointKey
from simulation.scenario import Fault


@dataclass(frozen=True, slots=True)
class Link:
    """How one direction between two nodes behaves."""

    cut: bool = False
    loss: float = 0.0
    delay: float = 0.0
    twice: float = 0.0
    garble: float = 0.0


@dataclass(slots=True)
class Conditions:
    """The faults that are active, and when the last of them began or ended."""

    active: list[Fault] = field(default_factory=list)
    down: set[EndpointKey] = field(default_factory=set)
    _links: dict[tuple[str, str], Link] = field(default_factory=dict)

    def begin(self, fault: Fault) -> None:
        self.active.append(fault)
        self._links.clear()

    def end(self, fault: Fault) -> None:
        self.active.remove(fault)
        self._links.clear()

    def link(self, source: str, target: str) -> Link:
        """Tell how messages from one node to another fare."""
        link = self._links.get((source, target))
        if link is None:
            link = self._links[source, target] = self._make(source, target)
        return link

    def isolated(self, node: str) -> bool:
        """Tell if a node is cut off from everything."""
        return any(f.kind == "isolate" and node in f.where for f in self.active)

    def endpoint(self, key: EndpointKey, node: str) -> tuple[str, float]:
        """Tell what is wrong with an endpoint, as one node sees it, and how often; "" if it is fine."""
        if self.isolated(node):
            return "black hole", 1.0
        if key in self.down:
            return "refuse", 1.0
        for fault in self.active:
            if fault.where and fault.where[0] == key:
                if fault.kind == "unreachable":
                    if node in fault.where:
                        return "black hole", 1.0
                elif fault.kind == "flap":
                    return "refuse", fault.amount
                else:
                    return fault.kind, 1.0
        return "", 0.0

    def dns(self, server: str, node: str) -> list[Fault]:
        """Return what is wrong with a DNS server, as one node sees it."""
        return [
            f
            for f in self.active
            if f.kind.startswith("dns ") and f.where[0] == server and (len(f.where) == 1 or node in f.where)
        ]

    def _make(self, source: str, target: str) -> Link:
        cut, shares = False, {"loss": 0.0, "delay": 0.0, "twice": 0.0, "garble": 0.0}
        for fault in self.active:
            if fault.kind == "partition":
                cut = cut or (source in fault.where) != (target in fault.where)
            elif fault.kind == "cut":
                cut = cut or (source, target) == fault.where
            elif fault.kind == "isolate":
                cut = cut or source in fault.where or target in fault.where
            elif fault.kind in shares:
                shares[fault.kind] = max(shares[fault.kind], fault.amount)
        return Link(cut, **shares)
