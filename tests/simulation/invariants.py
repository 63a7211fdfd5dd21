"""What must hold, whatever goes wrong. Each check names its rule; docs/simulation.md explains the bounds."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rrdnsd.core.effects import Effect, Transition, Voted
from rrdnsd.core.events import Event
from rrdnsd.core.model import EndpointKey, NameChange, RRset, RRsetKey, Service, State
from rrdnsd.daemon.keeping import PATIENCE
from rrdnsd.daemon.runtime import TICK_SECONDS
from rrdnsd.providers.batches import SENT_WITHIN
from simulation import rules
from simulation.dns import DnsServer
from simulation.ledger import Belief, Ledger
from simulation.node import Node, Results, WatchedEngine
from simulation.orders import ordered_out, standing
from simulation.scenario import HEARTBEAT, TAKEOVER, Scenario

SLACK = TICK_SECONDS + 0.05
"""Seconds beyond `vote_ttl`: the engine looks at the time every tick, and clocks run up to 1e-3 wrong."""

CALM = 8.0
"""Seconds without any fault but those of endpoints after which only one node may write a change."""


@dataclass(slots=True)
class Invariants:
    """Watches one run; `fail` takes the first rule that is broken."""

    scenario: Scenario
    ledger: Ledger
    clock: Callable[[], float]
    fail: Callable[[str], None]
    calm_since: Callable[[], float]
    _signs: dict[str, tuple[int, bool, tuple[str, ...]]] = field(default_factory=dict)
    _last: dict[tuple[str, object], tuple[float, str]] = field(default_factory=dict)
    _changes: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    _seats: dict[str, deque[tuple[float, tuple[str, ...]]]] = field(default_factory=dict)
    quiet_from: float = float("inf")

    def results(self, node: str, results: Results) -> None:
        self.ledger.probed(node, results)

    def decided(self, engine: WatchedEngine, _event: Event, effects: Sequence[Effect]) -> None:
        """Note what the node votes now, and see that its votes rest on its probes."""
        own, node = engine.electorate.own, engine.electorate.roster.me
        for effect in effects:
            if isinstance(effect, Voted):
                service = engine.services[effect.key.service]
                ballot = own[service.fqdn].ballots.get(effect.key.address)
                self._evident(node, service, effect.key, ballot.state if ballot else State.UNKNOWN)
        self._note_beliefs(engine)
        for effect in effects:
            if isinstance(effect, Transition):
                self._transition(engine, effect)

    def _note_beliefs(self, engine: WatchedEngine) -> None:
        own, silent = engine.electorate.own, bool(engine.electorate.abstains)
        node = engine.electorate.roster.me
        if self._signs.get(node) == (sign := (own._sum, silent, engine.electorate.roster.nodes)):
            return
        self._signs[node] = sign
        seats = self._seats.setdefault(node, deque(maxlen=8))
        if not seats or seats[-1][1] != sign[2]:
            seats.append((self.clock(), sign[2]))
        electorate = frozenset(engine.electorate.roster.nodes)
        for service in engine.services.values():
            votes = own[service.fqdn]
            some = len(voters := rules.voters(service, sign[2])) < len(sign[2])
            if votes.ballots and some and node not in voters:
                self.fail(f"{node} votes on {service.fqdn} and is none of its voters")
            for endpoint in service.endpoints:
                key = EndpointKey(service.fqdn, endpoint.address)
                ballot = votes.ballots.get(endpoint.address)
                belief = None
                if ballot and ballot.state is not State.UNKNOWN and not silent:
                    belief = Belief(str(ballot.state), votes.definition, electorate, self.clock())
                self.ledger.believes(node, key, belief, self.clock())

    def _evident(self, node: str, service: Service, key: EndpointKey, state: State) -> None:
        """A node's vote rests on its own probes: `fall` failures, or a success."""
        if state is not State.UNKNOWN and not self.ledger.evident(node, key, service, state):
            self.fail(f"{node} votes {state} on {key.address} of {key.service}, which its probes do not show")

    def died(self, node: str) -> None:
        self.ledger.died(node, self.clock())
        self._signs.pop(node, None)
        self._seats.pop(node, None)

    def sent(self, node: Node, server: str, changes: Sequence[NameChange], planned: float) -> None:
        """An UPDATE leaves a node: it must have heard a quorum, and a quorum must stand behind each change."""
        now = self.clock()
        since = planned - self.scenario.vote_ttl - SLACK
        me, nodes = node.plan.name, node.engine.electorate.roster.nodes
        names = ", ".join(change.name for change in changes)
        if now > self.quiet_from:
            self.fail(f"{me} still writes {names} on {server} when everything has long been right")
        heard = {
            me,
            *(peer for who, peer in self.ledger.heard if who == me and self.ledger.heard[who, peer] >= since),
        }
        if all(len(heard & {*some}) < rules.quorum(len(some)) for some in self._lists(me, planned)):
            count = len(heard & {*nodes})
            self.fail(f"{me} writes {names} on {server} and has heard only {count} of {len(nodes)} nodes")
        if now - planned > 1.01 * SENT_WITHIN:
            self.fail(f"{me} sends what it planned {now - planned:.1f} s ago for {names} to {server}")
        for change in changes:
            self._accord(node, server, change.name, heard, planned)
            if now == planned:  # what goes out once more was judged when it went out first
                self._justify(node, server, change)
            self._only_writer(me, server, change)

    def _accord(self, node: Node, server: str, name: str, heard: set[str], planned: float) -> None:
        """A quorum of all nodes that were heard is told the same of a service on which some of them vote.

        Where all vote, only an order can be carried out without a quorum of ballots, and orders are everybody's.
        """
        [own] = [service for service in node.plan.services if service.fqdn == name]
        alike = {plan.name for plan in self.scenario.nodes if own in plan.services}
        lists = self._lists(node.plan.name, planned)
        if any(own.voters is None or own.voters >= len(some) for some in lists):
            return
        if all(len(heard & alike & {*some}) < rules.quorum(len(some)) for some in lists):
            self.fail(
                f"{node.plan.name} writes {name} on {server}, of which only {sorted(alike)} are told the same"
            )

    def _lists(self, node: str, since: float) -> list[tuple[str, ...]]:
        """Return the lists of nodes that a node has gone by since some moment."""
        seats = [*self._seats[node]]
        ends = [*(began for began, _ in seats[1:]), self.clock()]
        return [nodes for (_, nodes), end in zip(seats, ends, strict=True) if end >= since]

    def changed(
        self, server: str, meant: NameChange, key: RRsetKey, before: RRset | None, after: RRset | None
    ) -> None:
        """An UPDATE changed an RRset: as its writer meant it, and never to nothing."""
        planned = next(rrset for rrset in meant.rrsets if rrset.key == key)
        had, has = _addresses(before), _addresses(after)
        what = f"{key.name} {key.rtype} on {server}"
        if had != _addresses(planned.before):
            self.fail(
                f"{what}: {sorted(had)} was overwritten by a node that had read {sorted(_addresses(planned.before))}"
            )
        if had and not has and had - ordered_out(self.scenario.orders, key.name):
            self.fail(f"{what}: the RRset was emptied")
        known = {e.address for s in self.scenario.reference if s.fqdn == key.name for e in s.endpoints}
        if (had ^ has) - known:
            self.fail(f"{what}: the foreign records {sorted((had ^ has) - known)} were touched")

    def kept_floor(self, server: DnsServer, meant: NameChange) -> None:
        """A removal leaves at least as many endpoints as fail-open promises."""
        if self.scenario.tampered or not any(rrset.removes for rrset in meant.rrsets):
            return
        service = next(s for s in self.scenario.reference if s.fqdn == meant.name)
        served = {a for t in ("A", "AAAA") for a in _addresses(server.records.get(RRsetKey(meant.name, t)))}
        configured = {e.address for e in service.endpoints}
        initial = self.scenario.initial[service.fqdn] & configured
        if ordered_out(self.scenario.orders, service.fqdn):
            return  # what is left is judged by the rules of publishing alone
        if initial == configured and len(served & configured) < rules.floor(service):
            self.fail(f"{meant.name} on {server.name}: only {sorted(served)} left, below the fail-open floor")

    def agreed(self, nodes: Iterable[Node]) -> None:
        """After healing all nodes come to the same verdicts, or see alike that there is no quorum on one."""
        alike = [node for node in nodes if node.plan.name not in self.scenario.odd]
        for service in self.scenario.reference:
            for endpoint in service.endpoints:
                key = EndpointKey(service.fqdn, endpoint.address)
                seen = {node.plan.name: node.engine.endpoints[key] for node in alike}
                if len({"" if status.pending else str(status.verdict) for status in seen.values()}) > 1:
                    said = ", ".join(
                        f"{name}: {status.verdict}{' (pending)' if status.pending else ''}"
                        for name, status in seen.items()
                    )
                    self.fail(
                        f"no agreement {3 * HEARTBEAT:g} s after healing on {key.address} of {key.service}: {said}"
                    )

    def right(self, nodes: Iterable[Node], servers: Iterable[DnsServer], lasting: bool) -> None:
        """After healing DNS is what each node wants, and what is true."""
        for server in servers:
            for service in self.scenario.reference:
                alike = [node for node in nodes if node.plan.name not in self.scenario.odd]
                if not alike or standing(alike[0].runtime.ledger, service.fqdn).held:
                    continue
                for node in alike:
                    self._wanted(node, server, service)
                if not lasting:
                    self._true(server, service, alike[0])

    def _wanted(self, node: Node, server: DnsServer, service: Service) -> None:
        publication = node.engine.publications[service.fqdn]
        what = f"{service.fqdn} on {server.name}, as {node.plan.name} wants it"
        if publication.held:
            self.fail(f"{what}: nothing is written at the end: {publication.held}")
        for key in publication.keys:
            served = _addresses(server.records.get(key))
            missing, extra = publication.present[key] - served, publication.absent[key] & served
            if extra and not missing and self._on_the_floor(server, service, extra):
                continue
            if missing or extra:
                self.fail(f"{what}: {sorted(missing)} missing, {sorted(extra)} too many")

    def _on_the_floor(self, server: DnsServer, service: Service, extra: frozenset[str]) -> bool:
        """Tell if these stay because an operator took others out, and nobody agrees yet that they are healthy again."""
        served = {a for t in ("A", "AAAA") for a in _addresses(server.records.get(RRsetKey(service.fqdn, t)))}
        configured = {e.address for e in service.endpoints}
        short = len((served & configured) - extra) < rules.floor(service)
        return short and bool(ordered_out(self.scenario.orders, service.fqdn))

    def _true(self, server: DnsServer, service: Service, node: Node) -> None:
        orders = standing(node.runtime.ledger, service.fqdn)
        down = {key.address for key in self.scenario.final_down if key.service == service.fqdn}
        verdicts = {e.address: "down" if e.address in down else "up" for e in service.endpoints}
        believed = orders.believed(verdicts)
        right = rules.published(orders.left(service), {a for a, state in believed.items() if state == "down"})
        configured = {e.address for e in service.endpoints}
        served = {a for t in ("A", "AAAA") for a in _addresses(server.records.get(RRsetKey(service.fqdn, t)))}
        if served & configured != right:
            found = f"{sorted(served & configured)} instead of {sorted(right)}"
            self.fail(f"{service.fqdn} on {server.name} serves {found} while {sorted(down)} are down")

    def _transition(self, engine: WatchedEngine, change: Transition) -> None:
        """A node's verdict changes only with a quorum of fresh equal votes."""
        roster = engine.electorate.roster
        service = engine.services[change.key.service]
        self.ledger.verdicts[roster.me, change.key] = str(change.after)
        self._changes.setdefault((roster.me, service.fqdn), deque(maxlen=PATIENCE + 1)).append(self.clock())
        if short := self._short_of_quorum(roster.nodes, service, change.key, str(change.after)):
            self.fail(f"{roster.me} takes {change.key.address} of {service.fqdn} for {change.after} {short}")

    def _justify(self, node: Node, server: str, change: NameChange) -> None:
        """Only addresses with a quorum behind their verdict are added or removed, and the verdicts call for it."""
        service = next(s for s in node.plan.services if s.fqdn == change.name)
        nodes = node.engine.electorate.roster.nodes
        added = {a for rrset in change.rrsets for a in rrset.adds}
        removed = {a for rrset in change.rrsets for a in rrset.removes}
        what = f"{node.plan.name} adds {sorted(added)} and removes {sorted(removed)} at {change.name} on {server}"
        keys = {e.address: EndpointKey(service.fqdn, e.address) for e in service.endpoints}
        verdicts = {a: self.ledger.verdicts.get((node.plan.name, key), "unknown") for a, key in keys.items()}
        orders = standing(node.runtime.ledger, service.fqdn)
        if orders.held:
            self.fail(f"{what}, although it knows of {orders.held}")
        if added & orders.out:
            self.fail(f"{what}, although it knows that {sorted(added & orders.out)} shall be out")
        removed -= orders.out
        for address in sorted((added | removed) - orders.forced.keys()):
            short = self._short_of_quorum(nodes, service, keys[address], verdicts[address])
            if short:
                self.fail(f"{what}, while {address} is believed {verdicts[address]} {short}")
        verdicts = orders.believed(verdicts)
        for address in sorted(a for a in verdicts if verdicts[a] == "unknown"):
            votes = self._votes(nodes, service, keys[address])
            if len(votes["up"] | votes["down"]) < rules.quorum(len(rules.voters(service, nodes))):
                self.fail(f"{what}, before enough nodes have voted on {address}")
        if not rules.explains(orders.left(service), verdicts, added, removed):
            self.fail(f"{what}, which {verdicts} do not call for")

    def _votes(self, nodes: Sequence[str], service: Service, key: EndpointKey) -> dict[str, set[str]]:
        since = self.clock() - self.scenario.vote_ttl - SLACK
        voters = rules.voters(service, nodes)
        return self.ledger.voters(nodes, key, service.definition, since, voters)

    def _short_of_quorum(self, nodes: Sequence[str], service: Service, key: EndpointKey, state: str) -> str:
        votes, voters = self._votes(nodes, service, key), rules.voters(service, nodes)
        if len(votes[state]) >= rules.quorum(len(voters)):
            return ""
        of = f"{len(nodes)}" if len(voters) == len(nodes) else f"the voters {', '.join(sorted(voters))}"
        return f"without a quorum of fresh equal votes: up {sorted(votes['up'])}, down {sorted(votes['down'])} of {of}"

    def _only_writer(self, me: str, server: str, change: NameChange) -> None:
        """While nodes can talk, one node writes a change and the others find it written."""
        now = self.clock()
        when, who = self._last.get((server, change.rrsets), (-TAKEOVER, me))
        self._last[server, change.rrsets] = (now, me)
        calm = now - self.calm_since() >= CALM and not self.scenario.odd
        if calm and not self._restless(me, change.name) and who != me and now - when < TAKEOVER:
            self.fail(
                f"{who} and {me} both write {change.name} on {server} within {now - when:.3f} s: {change.reason}"
            )

    def _restless(self, node: str, service: str) -> bool:
        """Tell if a name changes so often that nobody can wait for its turn: see PATIENCE."""
        changes = self._changes.get((node, service), ())
        span = PATIENCE * TAKEOVER * len(self.scenario.nodes)
        return len(changes) > PATIENCE and self.clock() - changes[0] <= span


def _addresses(rrset: RRset | None) -> frozenset[str]:
    return rrset.addresses if rrset else frozenset()
