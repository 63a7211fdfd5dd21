"""One run: builds what the scenario describes, lets it go wrong, heals it, and watches."""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rrdnsd.core.ledger import Entry
from rrdnsd.core.model import NameChange, RRset, RRsetKey
from rrdnsd.peers.outbox import MAX_SUSPECTS
from simulation.disk import Disk
from simulation.dns import DnsServer
from simulation.faults import Conditions
from simulation.invariants import Invariants
from simulation.kernel import Kernel
from simulation.ledger import Ledger
from simulation.network import Network
from simulation.node import Node, Observer, Surroundings
from simulation.orders import PlannedOrder
from simulation.oversight import Oversight
from simulation.reseating import NodeDisk, NodesOversight, PlannedChange
from simulation.scenario import FOREIGN, FOREVER, HEARTBEAT, Fault, Scenario, draw
from simulation.trace import Recorder, Trace


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: `violation` is "" if every rule held."""

    seed: int
    violation: str
    writes: int
    digest: str


class World:
    """Everything there is in one run."""

    def __init__(self, scenario: Scenario, write: Callable[[str], object] | None) -> None:
        self.scenario = scenario
        self.violation = ""
        self.writes = 0
        self._rng = random.Random(f"world {scenario.seed}")
        self.kernel = Kernel(self._rng, self.fail)
        self.trace = Trace(lambda: self.kernel.now, write)
        self.conditions = Conditions()
        self.nodes: dict[str, Node] = {}
        self.disks = {plan.name: Disk(self._rng) for plan in scenario.nodes}
        self.node_disks = {
            plan.name: NodeDisk(self._rng, plan.name not in scenario.forgetful) for plan in scenario.nodes
        }
        self.orders = Oversight(self.fail)
        self.seats = NodesOversight(tuple(sorted(scenario.nodes[0].nodes)), self.fail)
        self._began: dict[str, float] = {}
        self.rules = Invariants(scenario, Ledger(), lambda: self.kernel.now, self.fail, self._calm_since)
        self.servers = tuple(self._server(name) for name in scenario.servers)
        self.network = Network(self.kernel, self._rng, self.conditions, self._accepted, self.trace.message)
        self._disturbed = max(node.starts for node in scenario.nodes)
        self._disturbing: list[Fault] = []

    def fail(self, text: str) -> None:
        """A rule is broken: note the first one and stop."""
        if not self.violation:
            self.violation = f"at {self.kernel.now:.3f} s: {text}"
            self.trace.note(f"VIOLATION {text}")
        self.kernel.halted = True

    def run(self) -> Outcome:
        """Live through the scenario."""
        scenario, kernel = self.scenario, self.kernel
        recorder = Recorder(self.trace, lambda: kernel.turn, self.fail)
        self._introduce()
        with _logging_to(recorder):
            for plan in scenario.nodes:
                kernel.at(plan.starts, partial(self._start, plan.name))
            for fault in scenario.faults:
                kernel.at(fault.begin, partial(self._begin, fault))
                kernel.at(fault.end, partial(self._end, fault))
            for order in scenario.orders:
                kernel.at(order.at, partial(self._order, order))
            for change in scenario.changes:
                kernel.at(change.at, partial(self._change, change))
            kernel.at(scenario.quiet, self._quiet)
            kernel.at(scenario.healed, lambda: self.trace.note("-- all is healed"))
            kernel.run(scenario.healed + 3 * HEARTBEAT)
            if scenario.changes:
                self._check(lambda: self.seats.agreed(self._members(), 3 * HEARTBEAT))
            self._check(lambda: self.rules.agreed(self._members()))
            self._check(lambda: self.orders.converged(self._members(), 3 * HEARTBEAT))
            kernel.run(scenario.settled)
            lasting = any(fault.end == FOREVER for fault in scenario.faults)
            self._check(lambda: self.rules.right(self._members(), self.servers, lasting))
            self.rules.quiet_from = scenario.settled
            kernel.run(scenario.end)
            self._check(self._bounded)
            for node in self.nodes.values():
                node.kill()
        return Outcome(scenario.seed, self.violation, self.writes, self.trace.digest)

    def _check(self, check: Callable[[], None]) -> None:
        if not self.violation:
            check()

    def _server(self, name: str) -> DnsServer:
        server = DnsServer(name, self._changed)
        for service in self.scenario.reference:
            for endpoint_type in ("A", "AAAA"):
                found = frozenset(
                    a for a in self.scenario.initial[service.fqdn] if (":" in a) == (endpoint_type == "AAAA")
                )
                if found:
                    server.records[RRsetKey(service.fqdn, endpoint_type)] = RRset(
                        self.scenario.initial_ttl, found
                    )
        return server

    def _start(self, name: str) -> None:
        plan = next(plan for plan in self.scenario.nodes if plan.name == name)
        self.trace.note(f"-- {name} starts")
        around = Surroundings(
            self.scenario,
            self.kernel,
            self._rng,
            self.network,
            self.conditions,
            self.servers,
            self.disks[name],
            self.node_disks[name],
        )
        observer = Observer(
            results=partial(self.rules.results, name),
            decided=self.rules.decided,
            sent=partial(self._sent, name),
            started=self.orders.started,
            merged=self.orders.merged,
            given=self.orders.given,
            acknowledged=self._acknowledged,
            agreed=self._agreed,
            reseated=self._reseated,
        )
        self.nodes[name] = Node(plan, around, observer)
        self._began[name] = self.kernel.now

    def _begin(self, fault: Fault) -> None:
        self.trace.note(f"-- {fault}")
        if fault.kind == "tamper":
            self._tamper(fault)
        if _disturbs(fault):
            self._disturbing.append(fault)
        self.conditions.begin(fault)
        node = self.nodes.get(str(fault.where[0])) if fault.where else None
        if fault.kind == "crash" and node:
            node.kill()
            self.rules.died(node.plan.name)
            self.orders.died(node.plan.name, self.disks[node.plan.name].entries)
            del self.nodes[node.plan.name]
        elif fault.kind == "freeze" and node:
            node.loop.freeze()

    def _end(self, fault: Fault) -> None:
        self.trace.note(f"-- over: {fault}")
        self.conditions.end(fault)
        if fault in self._disturbing:
            self._disturbing.remove(fault)
            self._disturbed = self.kernel.now
        name = str(fault.where[0]) if fault.where else ""
        still = any(f.kind == fault.kind and f.where == fault.where for f in self.conditions.active)
        if fault.kind == "crash" and name not in self.nodes and not still:
            self._start(name)
        elif fault.kind == "freeze" and name in self.nodes and not still:
            self.nodes[name].loop.thaw()

    def _quiet(self) -> None:
        self.conditions.down |= self.scenario.final_down
        down = ", ".join(f"{key.address} of {key.service}" for key in sorted(self.scenario.final_down))
        self.trace.note(f"-- endpoints and nodes stay as they are from now on; down: {down or 'none'}")

    def _order(self, order: PlannedOrder) -> None:
        self.trace.note(f"-- somebody orders {order}")
        node = self.nodes.get(order.node)
        if node:
            self.kernel.post(self.kernel.now, node.loop, node.order, order)

    def _change(self, change: PlannedChange) -> None:
        self.trace.note(f"-- somebody orders {change}")
        node = self.nodes.get(change.node)
        if node and node.has_started:
            self.kernel.post(self.kernel.now, node.loop, node.change, change)

    def _reseated(self, node: Node) -> None:
        """Look at the lists, and give the nodes time to find their turns anew."""
        if self.scenario.changes:
            self._disturbed = self.kernel.now
            self.trace.note(f"{node.plan.name} goes by {node.members.nodes}, version {node.members.version}")
            self.seats.reseated(node, self.nodes.values())

    def _members(self) -> list[Node]:
        """Return the nodes but for those that were removed, or not added yet."""
        if not self.scenario.changes:
            return [*self.nodes.values()]
        return [node for node in self.nodes.values() if node.plan.name in self.seats.last]

    def _acknowledged(self, node: Node, entry: Entry) -> None:
        self.trace.note(
            f"{node.plan.name} acknowledges {entry.key} {entry.value or 'lifted'} {tuple(entry.stamp)}"
        )
        self.orders.acknowledged(node, entry)

    def _agreed(self, entry: Entry, known_by: Sequence[str], since: float) -> None:
        """Look only at nodes that have not been started anew: they may have lost it before it was on their disk."""
        self.trace.note(
            f"{entry.key} {tuple(entry.stamp)} is known by {', '.join(known_by) or 'nobody else'}"
        )
        there = [self.nodes[name] for name in known_by if name in self.nodes and self._began[name] < since]
        self.orders.agreed(entry, there)

    def _tamper(self, fault: Fault) -> None:
        """Another program meddles with the records."""
        server = next(s for s in self.servers if s.name == fault.where[0])
        for key in [key for key in server.records if key.name == fault.where[1]]:
            rrset = server.records[key]
            gone = self._rng.choice(sorted(rrset.addresses))
            left = rrset.addresses - {gone} if len(rrset.addresses) > 1 else rrset.addresses
            if key.rtype == "A" and self._rng.random() < 0.5:
                left |= {FOREIGN}
            server.records[key] = RRset(self._rng.choice((rrset.ttl, 5)), left)
            self.trace.note(f"-- somebody sets {key.name} {key.rtype} on {server.name} to {sorted(left)}")

    def _calm_since(self) -> float:
        return self.kernel.now if self._disturbing else self._disturbed

    def _accepted(self, receiver: str, sender: str, made: float) -> None:
        self.rules.ledger.accepted(receiver, sender, made)

    def _sent(self, name: str, server: str, changes: Sequence[NameChange], planned: float) -> None:
        self.writes += 1
        for change in changes:
            self.trace.note(f"{name} => {server}: {change.name}: {change.reason}")
        self.rules.sent(self.nodes[name], server, changes, planned)

    def _changed(
        self, server: str, meant: NameChange, key: RRsetKey, before: RRset | None, after: RRset | None
    ) -> None:
        self.trace.note(
            f"{server}: {key.name} {key.rtype} is now {sorted(after.addresses) if after else 'empty'}"
        )
        self.rules.changed(server, meant, key, before, after)
        if key == meant.rrsets[-1].key:
            self.rules.kept_floor(next(s for s in self.servers if s.name == server), meant)

    def _bounded(self) -> None:
        """What a node keeps for its peers stays small."""
        for node in self.nodes.values():
            for line in node.mesh._lines.values() if node.mesh else ():
                outbox = line.outbox
                votes, orders = outbox.waiting, len(outbox._orders)
                too_many = votes > len(node.plan.services) or len(outbox._suspects) > MAX_SUSPECTS
                if too_many or orders > len(node.runtime.ledger):
                    self.fail(f"{node.plan.name} keeps too much for a peer")

    def _introduce(self) -> None:
        scenario = self.scenario
        for plan in scenario.nodes:
            odd = f", configured differently: {plan.nodes}" if plan.name in scenario.odd else ""
            self.trace.note(f"node {plan.name}, clock {plan.clock_offset:.0f} s ahead{odd}")
        for service in scenario.reference:
            endpoints = ", ".join(f"{e.address}/{e.priority}" for e in service.endpoints)
            voters = f", voters {service.voters}" if service.voters else ""
            self.trace.note(
                f"service {service.fqdn}: {endpoints}; {service.thresholds}, fail-open {service.fail_open_threshold}, "
                f"min_up {service.min_up}{voters}; served at first: {sorted(scenario.initial[service.fqdn])}"
            )


def simulate(seed: int, write: Callable[[str], object] | None = None) -> Outcome:
    """Run one seed; `write` takes the lines of the trace."""
    random.seed(seed)
    return World(draw(seed), write).run()


def _disturbs(fault: Fault) -> bool:
    """Tell if a fault is one after which it takes a while until all nodes talk again and DNS answers."""
    return not (fault.where and isinstance(fault.where[0], tuple))


class _logging_to:  # noqa: N801 - used as a function
    """Sends everything that rrdnsd logs to one handler."""

    def __init__(self, handler: logging.Handler) -> None:
        self._handler = handler
        self._logger = logging.getLogger("rrdnsd")

    def __enter__(self) -> None:
        self._before = self._logger.handlers[:], self._logger.level, self._logger.propagate
        self._logger.handlers[:] = [self._handler]
        self._logger.setLevel(self._handler.level)
        self._logger.propagate = False

    def __exit__(self, *_: object) -> None:
        self._logger.handlers[:], level, self._logger.propagate = self._before
        self._logger.setLevel(level)
