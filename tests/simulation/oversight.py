"""What must hold of orders, whatever goes wrong."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from rrdnsd.core.ledger import Entry, Stamp
from rrdnsd.store.ledger import LedgerEntry
from simulation.node import Node


@dataclass(slots=True)
class Oversight:
    """Watches the orders of one run; `fail` takes the first rule that is broken."""

    fail: Callable[[str], None]
    _stamps: dict[tuple[str, str], Stamp] = field(default_factory=dict)
    _given: dict[str, Entry] = field(default_factory=dict)
    _saved: dict[str, dict[str, Entry]] = field(default_factory=dict)

    def merged(self, node: Node) -> None:
        """Stamps of a key never go back on a node."""
        name = node.plan.name
        for entry in node.runtime.ledger:
            known = self._stamps.get((name, entry.key), entry.stamp)
            if entry.stamp < known:
                self.fail(f"{name} went back from {known} to {entry.stamp} on {entry.key}")
            self._stamps[name, entry.key] = entry.stamp

    def died(self, name: str, disk: Mapping[str, LedgerEntry]) -> None:
        """Forget what a process knew beside its disk."""
        for place in [place for place in self._stamps if place[0] == name]:
            del self._stamps[place]
        self._stamps |= {(name, key): Stamp.parse(entry.stamp) for key, entry in disk.items()}

    def acknowledged(self, node: Node, entry: Entry) -> None:
        """Remember an order that somebody has been told to stand."""
        self._kept(node, entry)
        saved = self._saved.setdefault(node.plan.name, {})
        saved[entry.key] = max(entry, saved.get(entry.key, entry), key=lambda known: known.stamp)
        last = self._given.get(entry.key)
        if last is None or last.stamp < entry.stamp:
            self._given[entry.key] = entry

    def agreed(self, entry: Entry, known_by: Iterable[Node]) -> None:
        """Nodes of which it is said that they know an order do know it, or a later one."""
        for node in known_by:
            self._kept(node, entry)

    def given(self, node: Node, entry: Entry) -> None:
        """A new order is stamped later than what its node knows of the same thing."""
        known = node.runtime.ledger.get(entry.key)
        if known and known.stamp >= entry.stamp:
            self.fail(
                f"{node.plan.name} stamps {entry.key} {tuple(entry.stamp)}, and knows {tuple(known.stamp)}"
            )

    def started(self, node: Node) -> None:
        """What a node has acknowledged survives its process."""
        for entry in self._saved.get(node.plan.name, {}).values():
            self._kept(node, entry)

    def converged(self, nodes: Iterable[Node], bound: float) -> None:
        """After healing all ledgers are equal, and no acknowledged order is lost."""
        ledgers = {node.plan.name: [*node.runtime.ledger] for node in nodes}
        digests = {node.plan.name: node.runtime.ledger.digest for node in nodes}
        first = next(iter(ledgers.values()), [])
        if any(entries != first for entries in ledgers.values()) or len(set(digests.values())) > 1:
            told = "; ".join(
                f"{name}: {[(e.key, tuple(e.stamp)) for e in es]}" for name, es in ledgers.items()
            )
            self.fail(f"the orders differ {bound:g} s after healing: {told}")
        for node in nodes:
            for entry in self._given.values():
                self._kept(node, entry)

    def _kept(self, node: Node, entry: Entry) -> None:
        found = node.runtime.ledger.get(entry.key)
        if found is None or found.stamp < entry.stamp:
            self.fail(
                f"{node.plan.name} has lost {entry.key} {entry.value or 'lifted'} of {tuple(entry.stamp)}"
            )
