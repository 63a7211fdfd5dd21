"""What a seed means: the cluster, its services and DNS servers, and everything that will go wrong, as data."""

from dataclasses import dataclass, field, replace
from random import Random

from rrdnsd.core.model import Endpoint, EndpointKey, Service, Thresholds
from simulation.orders import PlannedOrder, draw_orders
from simulation.reseating import PlannedChange, with_changes
from simulation.voting import NODES, node_counts, with_voters

ZONES = ("example.org", "example.net")
HEARTBEAT = 1.0
TAKEOVER = 1.0
RECONCILE = 4.0
BACKOFF_MOST = 3.0
DNS_TIMEOUT = 1.5
FAST = 0.2
FOREVER = 1e9
FOREIGN = "203.0.113.99"


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node: its configuration and its clock. `services` and `nodes` are what *it* is configured with."""

    name: str
    nodes: tuple[str, ...]
    services: tuple[Service, ...]
    starts: float
    clock_offset: float
    clock_rate: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong from `begin` to `end`, in world seconds.

    `kind` says what; `where` are the nodes, servers or endpoint that it is about; `amount` is a share or
    seconds, as the kind has it.
    """

    kind: str
    begin: float
    end: float
    where: tuple[object, ...] = ()
    amount: float = 0.0

    def __str__(self) -> str:
        amount = f" {self.amount:.2f}" if self.amount else ""
        return f"{self.kind} {' '.join(map(_show, self.where))}{amount}".rstrip()


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that happens in one run. Faults of nodes and endpoints end at `quiet`, all others at `healed`.

    `reference` are the services as most nodes have them; `odd` are nodes that are configured differently.
    `final` tells which endpoints answer from `quiet` on, by node that asks. `changes` are orders to add and remove
    nodes, `forgetful` are nodes that keep nothing of it over a restart.
    """

    seed: int
    interval: float
    probe_timeout: float
    vote_ttl: float
    secret: bytes
    link_check: bool
    servers: tuple[str, ...]
    nodes: tuple[NodePlan, ...]
    reference: tuple[Service, ...]
    odd: frozenset[str]
    initial: dict[str, frozenset[str]]
    initial_ttl: int
    faults: tuple[Fault, ...]
    final_down: frozenset[EndpointKey]
    quiet: float
    healed: float
    tampered: bool = False
    orders: tuple[PlannedOrder, ...] = ()
    changes: tuple[PlannedChange, ...] = ()
    forgetful: frozenset[str] = frozenset()

    @property
    def slow(self) -> bool:
        """Tell if nodes count all ballots again one service at a time, with pauses, as those with thousands of services do."""
        return self.seed % 2 == 1

    @property
    def settled(self) -> float:
        """When DNS must be right: see docs/simulation.md for the sum."""
        return (
            self.healed
            + DNS_TIMEOUT
            + BACKOFF_MOST
            + RECONCILE
            + self.vote_ttl
            + len(self.nodes) * TAKEOVER
            + 1
        )

    @property
    def end(self) -> float:
        """When the run is over; nothing is written between `settled` and then."""
        return self.settled + RECONCILE + self.vote_ttl + 1


def draw(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    rng = Random(seed)
    count = rng.choices(NODES, node_counts(seed))[0]
    names = tuple(f"n{i + 1}" for i in range(count))
    interval = rng.choice((1.0, 1.0, 2.0))
    services = tuple(_service(rng, i, interval) for i in range(rng.choice((1, 2, 2, 3, 4))))
    chaos = rng.uniform(6.0, 17.0)
    quiet = 4.0 + chaos
    healed = quiet + 2 * interval + 5.0
    servers = tuple(f"ns{i + 1}" for i in range(rng.choice((1, 1, 1, 2))))
    nodes = tuple(_node(rng, name, names, services) for name in names)
    odd: frozenset[str] = frozenset()
    if count > 2 and rng.random() < 0.12:
        nodes, odd = _misconfigure(rng, nodes)
    faults = tuple(
        sorted(_Faults(rng, names, servers, services, quiet, healed).draw(), key=lambda f: f.begin)
    )
    scenario = Scenario(
        seed=seed,
        interval=interval,
        probe_timeout=rng.choice((0.3, 0.8)),
        vote_ttl=4 * HEARTBEAT,
        secret=rng.choice((b"", b"a secret that all the nodes know")),
        link_check=rng.random() < 0.4,
        servers=servers,
        nodes=nodes,
        reference=services,
        odd=odd,
        initial={service.fqdn: _initial(rng, service) for service in services},
        initial_ttl=rng.choice((60, 60, 300)),
        faults=faults,
        final_down=_final(rng, services),
        quiet=quiet,
        healed=healed,
        tampered=any(fault.kind == "tamper" for fault in faults),
        orders=draw_orders(
            seed, names, services, quiet, [(str(f.where[0]), f.begin) for f in faults if f.kind == "crash"]
        ),
    )
    return with_voters(with_changes(scenario, lambda begin, end, node: Fault("crash", begin, end, (node,))))


def _service(rng: Random, number: int, interval: float) -> Service:
    count = rng.choice((1, 2, 2, 3, 3, 4, 5))
    families = rng.choice(("4", "4", "4", "46", "46", "6"))
    tiers = rng.random() < 0.2
    endpoints = tuple(
        Endpoint(
            f"192.0.2.{16 * number + i + 1}"
            if rng.choice(families) == "4"
            else f"2001:db8::{number + 1}:{i + 1}",
            priority=rng.choice((0, 1)) if tiers else 0,
        )
        for i in range(count)
    )
    zone = rng.choice((ZONES[0], ZONES[0], ZONES[0], ZONES[1]))
    return Service(
        fqdn=f"s{number + 1}.{zone}",
        zone=zone,
        provider="default",
        ttl=60,
        endpoints=endpoints,
        thresholds=Thresholds(rise=rng.choice((1, 2)), fall=rng.choice((1, 2, 2, 3))),
        fail_open_threshold=rng.choice((0.5, 0.5, 0.5, 0.7, None)),
        min_up=rng.choice((1, 1, 2)),
        fast_interval=FAST,
        definition=f"definition {number}",
    )


def _node(rng: Random, name: str, names: tuple[str, ...], services: tuple[Service, ...]) -> NodePlan:
    return NodePlan(
        name=name,
        nodes=names,
        services=services,
        starts=rng.choice((0.0, rng.uniform(0.0, 3.0))),
        clock_offset=rng.choice((0.0, rng.uniform(0, 1e6))),
        clock_rate=1 + rng.uniform(-1e-3, 1e-3),
    )


def _misconfigure(rng: Random, nodes: tuple[NodePlan, ...]) -> tuple[tuple[NodePlan, ...], frozenset[str]]:
    """Give one node another configuration than the others."""
    place = rng.randrange(len(nodes))
    victim = nodes[place]
    how = rng.choice(("definition", "definition", "missing service", "missing node", "extra node"))
    if how == "definition":
        first, *others = victim.services
        victim = replace(victim, services=(replace(first, definition="another"), *others))
    elif how == "missing service":
        victim = replace(victim, services=victim.services[1:])
    elif how == "missing node":
        gone = rng.choice([n for n in victim.nodes if n != victim.name])
        victim = replace(victim, nodes=tuple(n for n in victim.nodes if n != gone))
    else:
        victim = replace(victim, nodes=(*victim.nodes, "n9"))
    return (*nodes[:place], victim, *nodes[place + 1 :]), frozenset({victim.name})


def _initial(rng: Random, service: Service) -> frozenset[str]:
    """Draw what the DNS servers serve at first."""
    everything = frozenset(e.address for e in service.endpoints)
    kind = rng.random()
    if kind < 0.1:
        return frozenset()
    found = frozenset(a for a in sorted(everything) if rng.random() < 0.6) if kind < 0.3 else everything
    return found | {FOREIGN} if rng.random() < 0.15 else found


def _final(rng: Random, services: tuple[Service, ...]) -> frozenset[EndpointKey]:
    share = rng.choice((0.0, 0.15, 0.4))
    return frozenset(
        EndpointKey(service.fqdn, endpoint.address)
        for service in services
        for endpoint in service.endpoints
        if rng.random() < share
    )


@dataclass(slots=True)
class _Faults:
    """Draws what goes wrong. Some seeds are calm but for their endpoints, so that good behaviour is judged too."""

    rng: Random
    nodes: tuple[str, ...]
    servers: tuple[str, ...]
    services: tuple[Service, ...]
    quiet: float
    healed: float
    found: list[Fault] = field(default_factory=list)

    def draw(self) -> list[Fault]:
        rng = self.rng
        self._endpoints()
        if rng.random() < 0.2:
            return self.found
        wild = rng.choice((1, 1, 2, 3))
        for _ in range(wild):
            if len(self.nodes) > 1 and rng.random() < 0.75:
                self._network()
            if rng.random() < 0.6:
                self._node()
            if rng.random() < 0.5:
                self._dns()
        if rng.random() < 0.15:
            self._add("tamper", self.healed, (rng.choice(self.servers), rng.choice(self.services).fqdn))
        return self.found

    def _add(self, kind: str, latest: float, where: tuple[object, ...] = (), amount: float = 0.0) -> None:
        begin = self.rng.uniform(1.0, self.quiet - 1.0)
        end = self.rng.choice((min(latest, begin + self.rng.uniform(0.3, 12.0)), latest))
        self.found.append(Fault(kind, begin, end, where, amount))

    def _endpoints(self) -> None:
        rng = self.rng
        keys = [EndpointKey(s.fqdn, e.address) for s in self.services for e in s.endpoints]
        for _ in range(rng.randint(1, 4)):
            key = rng.choice(keys)
            kind = rng.choice(("refuse", "refuse", "black hole", "flap", "unreachable", "unreachable"))
            nodes = tuple(n for n in self.nodes if rng.random() < 0.5) if kind == "unreachable" else ()
            self._add(kind, self.quiet, (key, *nodes), rng.uniform(0.3, 0.7) if kind == "flap" else 0.0)
        if rng.random() < 0.2:
            nodes = tuple(n for n in self.nodes if rng.random() < 0.5)
            begin = rng.uniform(1.0, self.quiet)
            for key in rng.sample(keys, rng.randint(1, min(3, len(keys)))):
                self.found.append(Fault("unreachable", begin, FOREVER, (key, *nodes)))
        if rng.random() < 0.15:
            service = rng.choice(self.services)
            for endpoint in service.endpoints:
                self._add("refuse", self.quiet, (EndpointKey(service.fqdn, endpoint.address),))

    def _network(self) -> None:
        rng = self.rng
        a, b = rng.sample(self.nodes, 2)
        kind = rng.choice(
            ("partition", "partition", "cut", "cut", "isolate", "loss", "delay", "twice", "garble")
        )
        match kind:
            case "partition":
                side = tuple(n for n in self.nodes if rng.random() < 0.5) or (a,)
                self._add(kind, self.healed, side)
            case "cut":
                self._add(kind, self.healed, (a, b))
            case "isolate":
                self._add(kind, self.quiet, (a,))
            case "delay":
                self._add(kind, self.healed, (), rng.choice((0.3, 1.0, 3.0)))
            case _:
                self._add(kind, self.healed, (), rng.uniform(0.05, 0.6))

    def _node(self) -> None:
        rng = self.rng
        kind = rng.choice(("crash", "freeze", "freeze"))
        self._add(kind, self.quiet, (rng.choice(self.nodes),))

    def _dns(self) -> None:
        rng = self.rng
        server = rng.choice(self.servers)
        kind = rng.choice(("dns down", "dns refuses", "dns slow", "dns slow", "dns unreachable", "dns loses"))
        where: tuple[object, ...] = (server,)
        if kind == "dns unreachable":
            where = (server, rng.choice(self.nodes))
        self._add(kind, self.healed, where, rng.uniform(0.2, 3.0) if kind == "dns slow" else 0.3)


def _show(item: object) -> str:
    return f"{item.address} of {item.service}" if isinstance(item, EndpointKey) else str(item)
