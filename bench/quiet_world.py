"""A cluster in virtual time in which nothing is wrong but what is measured: the real core, runtime and messages.

Made of the simulation's kernel and network, without its faults and its oracle, so that it is fast enough for 100,000
endpoints. Unlike there, computing takes time: while a node computes for a second, it does nothing else for a second of
virtual time, as in reality.
"""

import gc
import time
from asyncio import Handle
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random

from rrdnsd.compose.cluster import EngineVoice
from rrdnsd.core.effects import Transition
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Ticked
from rrdnsd.core.health import Opinion
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, State, Timings
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.voters import voters
from rrdnsd.core.votes import ServiceVotes, VoteTable
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.timetable import TICK, phase_of
from rrdnsd.peers.inbox import Answer, Inbox
from rrdnsd.peers.mesh import Mesh
from simulation.faults import Conditions
from simulation.kernel import Kernel, ProcessLoop
from simulation.network import Network, Port

INTERVAL, FAST, HEARTBEAT, VOTE_TTL = 5.0, 0.5, 1.0, 4.0
"""The daemon's defaults, in seconds."""

EACH = 10
"""Endpoints of a service."""

SECRET = b"only for this benchmark"
SHARED = "198.51.100.1"
"""The address that one endpoint of every service has."""

_OLDEST = 2
"""The generation of the garbage collector that holds whatever has survived."""

_REFUSED = ProbeResult(ok=False, reason="connection refused", timings=Timings(0.001))
_UP = Ballot(State.UP)


@dataclass(slots=True)
class Spent:
    """What a node has spent since the last look: CPU seconds, its longest single turn, and what it has sent."""

    cpu: float = 0.0
    longest: float = 0.0
    what: str = ""
    messages: int = 0
    body_bytes: int = 0


@dataclass(slots=True)
class _Busy:
    until: float = 0.0
    waiting: deque[Handle] = field(default_factory=deque)


class PacedKernel(Kernel):
    """A kernel in which computing takes as much virtual time as it takes this machine."""

    def __init__(self, rng: Random, fail: Callable[[str], None]) -> None:
        super().__init__(rng, fail)
        self.spent: dict[str, Spent] = {}
        self._busy: dict[str, _Busy] = {}
        self._collecting = 0.0
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, info: Mapping[str, int]) -> None:
        """Take note of a full collection: it goes through what all nodes have, and that of each would not."""
        if info["generation"] == _OLDEST:
            self._collecting += time.thread_time() * (1 if phase == "stop" else -1)

    def of(self, name: str) -> Spent:
        """What this node has spent."""
        return self.spent.setdefault(name, Spent())

    def _turn(self, loop: ProcessLoop, handle: Handle) -> None:
        busy = self._busy.setdefault(loop.name, _Busy())
        if self.now < busy.until or busy.waiting:
            busy.waiting.append(handle)
        else:
            self._run_one(loop, handle, busy)

    def _run_one(self, loop: ProcessLoop, handle: Handle, busy: _Busy) -> None:
        began, collecting = time.thread_time(), self._collecting
        super()._turn(loop, handle)
        took = time.thread_time() - began
        took -= (self._collecting - collecting) * (1 - 1 / len(self._busy))
        spent = self.of(loop.name)
        spent.cpu += took
        if took > spent.longest:
            spent.longest, spent.what = took, _called(handle)
        was_free, busy.until = busy.until <= self.now, self.now + took
        if was_free:
            self.at(busy.until, partial(self._go_on, loop, busy))

    def _go_on(self, loop: ProcessLoop, busy: _Busy) -> None:
        while busy.waiting and busy.until <= self.now:
            self._run_one(loop, busy.waiting.popleft(), busy)


def _called(handle: Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined] # noqa: SLF001 -- only for the report
    owner = getattr(callback, "__self__", None)
    coro = owner.get_coro() if hasattr(owner, "get_coro") else None
    return str(getattr(coro or callback, "__qualname__", callback))


@dataclass(slots=True)
class _Ear:
    """Counts what an inbox answers."""

    inbox: Inbox
    spent: Callable[[], Spent]

    def receive(self, body: bytes, mac: str) -> Answer:
        answer = self.inbox.receive(body, mac)
        self.spent().body_bytes += len(answer.body)
        return answer


class Node:
    """One node: all that takes part in the nodes' talk, and a prober that is told what it finds."""

    def __init__(self, world: "World", name: str, tables: Mapping[str, VoteTable] | None = None) -> None:
        self.name = name
        self._world = world
        self.loop = ProcessLoop(world.kernel, name, 0.0, 1.0)
        clock = self.loop.time
        timing = Timing(vote_ttl=VOTE_TTL, learn=3 * HEARTBEAT)
        self.engine = Engine(name, world.names, world.services, clock(), timing)
        self.down = 0
        if tables:
            self._know_all(tables, clock())
        self.runtime = Runtime(self.engine, clock)
        self.runtime.witness(self._see)
        carrier = world.network.carrier(name, self.loop, 2 * HEARTBEAT)
        voice = EngineVoice(self.engine, {}, self.runtime.ledger)
        self.mesh = Mesh(name, world.names, SECRET, voice, carrier, clock, HEARTBEAT)
        self.runtime.attach(self, {}, self.mesh)
        inbox = Inbox(name, world.names, SECRET, self.runtime.listen, clock)
        self._due: dict[int, list[EndpointKey]] = {}
        world.network.ports[name] = Port(self.loop, _Ear(inbox, partial(world.kernel.of, name)))  # type: ignore[arg-type] # has what a port needs
        world.kernel.post(world.kernel.now, self.loop, self._start)

    def _start(self) -> None:
        self.loop.create_task(self.runtime.run())

    def _know_all(self, tables: Mapping[str, VoteTable], now: float) -> None:
        """Let it be as after a long time of rest, without the talk that led there."""
        electorate = self.engine.electorate
        for status in self.engine.endpoints.values():
            if status.voted_here:
                status.opinion = Opinion(State.UP)
        electorate.roster.own = tables[self.name].copy()
        for name, peer in electorate.roster.peers.items():
            peer.table = tables[name].copy()
            peer.heard_at, peer.in_step, peer.electorate = now, True, electorate.roster.electorate
        self.engine.handle(Ticked(), now)
        while self.engine.uncounted:
            self.engine.handle(Ticked(), now)
        assert all(status.verdict is State.UP for status in self.engine.endpoints.values())

    def _see(self, what: object) -> None:
        if isinstance(what, Transition) and what.after is State.DOWN:
            self.down += 1

    def probe_after(self, key: EndpointKey, delay: float) -> None:
        """Look at an endpoint that is failing."""
        slot = int((self.loop.time() + delay) / TICK) + 1
        if slot not in self._due:
            self._due[slot] = []
            self.loop.call_at(slot * TICK, self._probe, slot)
        self._due[slot].append(key)

    def _probe(self, slot: int) -> None:
        self.runtime.on_results([(key, _REFUSED) for key in self._due.pop(slot)])

    def fails(self, keys: Iterable[EndpointKey]) -> None:
        """Let endpoints fail from now on: each is looked at at its turn."""
        turn = self.loop.time() / INTERVAL
        for key in keys:
            voting = self.engine.electorate.voters.of(key.service)
            if self.name in voting:
                place = voting.index(self.name) / len(voting)
                self.probe_after(key, ((phase_of(key) + place - turn) % 1) * INTERVAL)

    def kill(self) -> None:
        """End it at once."""
        self._world.network.ports.pop(self.name, None)
        self.loop.kill()


class World:
    """So many nodes that have watched so many endpoints for long; `count` of them each service, None for all."""

    def __init__(self, nodes: int, endpoints: int, count: int | None = None) -> None:
        self.nodes: dict[str, Node] = {}
        rng = Random(1)
        self.names = tuple(f"10.0.{number}.1:3333" for number in range(1, nodes + 1))
        self.kernel = PacedKernel(rng, _fail)
        self.network = Network(self.kernel, rng, Conditions(), lambda *_: None, self._tell)
        self.services = services(endpoints, count)
        self.votes = self._votes(count)

    def start(self) -> None:
        """Let all nodes run."""
        gc.disable()
        self.nodes = {name: Node(self, name, self.votes) for name in self.names}
        # As the daemon does: what is there from the start is not walked through again and again.
        gc.collect()
        gc.freeze()
        gc.enable()

    def _votes(self, count: int | None) -> dict[str, VoteTable]:
        """Make every node's votes, hashed once where they are the same."""
        everybody = VoteTable()
        tables = {name: VoteTable() for name in self.names} if count else dict.fromkeys(self.names, everybody)
        for service in self.services:
            ballots = {endpoint.address: _UP for endpoint in service.endpoints}
            cast = ServiceVotes(service.fqdn, service.definition, ballots)
            none = ServiceVotes(service.fqdn, service.definition, {})
            chosen = voters(service.fqdn, self.names, count)
            for name, table in tables.items() if count else [("", everybody)]:
                table.put(cast if name in chosen or not count else none)
        return tables

    def _tell(self, sender: str, _receiver: str, body: bytes, _status: int) -> None:
        spent = self.kernel.of(sender)
        spent.messages += 1
        spent.body_bytes += len(body)

    def spent(self) -> list[Spent]:
        """Return what each node has spent since this was asked last."""
        found, self.kernel.spent = self.kernel.spent, {}
        return [found.get(name, Spent()) for name in self.names]

    def run(self, done: Callable[[], bool], limit: float, step: float = 0.02) -> float:
        """Let time go by until something is so, for some seconds at most; return how long it took."""
        began = self.kernel.now
        while not done():
            if self.kernel.now - began >= limit:
                return float("inf")
            self.kernel.run(self.kernel.now + step)
        return self.kernel.now - began

    def in_step(self) -> bool:
        """Whether every node has the votes of every other."""
        return all(self.knows_all(name) for name in self.names)

    def knows_all(self, name: str) -> bool:
        """Whether a node has the votes of every other, and counts them."""
        peers = self.nodes[name].engine.electorate.roster.peers
        return all(
            peer.in_step
            and peer.counted
            and peer.table.digest == self.nodes[other].engine.electorate.own.digest
            for other, peer in peers.items()
        )

    def restart(self, name: str, after: float) -> None:
        """Kill a node and start it anew some seconds later, with nothing that it knew."""
        self.nodes[name].kill()
        self.kernel.run(self.kernel.now + after)
        self.nodes[name] = Node(self, name)


def services(endpoints: int, count: int | None = None) -> tuple[Service, ...]:
    """Return services of ten endpoints each, with so many voters; the first endpoint of each has the same address."""
    return tuple(_service(number, count) for number in range(endpoints // EACH))


def _service(number: int, count: int | None) -> Service:
    own = [f"10.{128 + number // 25_000}.{number // 100 % 250}.{number % 100 + 100 * i}" for i in (1, 2)]
    own += [f"172.{16 + i}.{number // 250}.{number % 250 + 1}" for i in range(EACH - 3)]
    return Service(
        fqdn=f"service{number}.example.org",
        zone="example.org",
        provider="default",
        ttl=60,
        endpoints=tuple(Endpoint(address) for address in (SHARED, *own)),
        fast_interval=FAST,
        definition=f"{number:032x}",
        voters=count,
    )


def _fail(text: str) -> None:
    raise SystemExit(text)
