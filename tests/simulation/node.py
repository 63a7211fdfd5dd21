"""One simulated node: the real parts of the daemon, on the event loop of a simulated process."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from rrdnsd.compose.cluster import EngineVoice
from rrdnsd.core import membership, orders
from rrdnsd.core.agreement import Agreement
from rrdnsd.core.effects import Effect
from rrdnsd.core.engine import AT_ONCE, Engine, Timing
from rrdnsd.core.events import Event, Ordered, Reseated
from rrdnsd.core.ledger import Entry
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.core.voters import voters
from rrdnsd.daemon.backoff import Backoff
from rrdnsd.daemon.connectivity import LinkWatch, link_key
from rrdnsd.daemon.control.book import Book
from rrdnsd.daemon.keeping import KeeperSettings
from rrdnsd.daemon.membership import Membership
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.daemon.timetable import Job, phase_of
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Mesh
from rrdnsd.store.audit import AuditRow
from simulation.disk import Disk
from simulation.dns import DnsServer, Sent, SimulatedProvider
from simulation.faults import Conditions
from simulation.kernel import Kernel, ProcessLoop
from simulation.network import Network, Port
from simulation.orders import EPOCH, PlannedOrder
from simulation.probing import SimulatedProbe, SimulatedRunner
from simulation.reseating import NodeDisk, PlannedChange
from simulation.scenario import BACKOFF_MOST, HEARTBEAT, RECONCILE, TAKEOVER, NodePlan, Scenario

GATEWAY = link_key("http://gateway/", "198.51.100.1")
"""What a node's own connectivity check asks; only total isolation cuts a node off from it."""

SLOW = 4.0
"""Seconds that pass between one service and the next while a slow node counts all again, as long as things go wrong."""

Results = Sequence[tuple[EndpointKey, ProbeResult]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a node finds when it starts."""

    scenario: Scenario
    kernel: Kernel
    rng: Random
    network: Network
    conditions: Conditions
    servers: tuple[DnsServer, ...]
    disk: Disk
    node_disk: NodeDisk


@dataclass(frozen=True, slots=True)
class Observer:
    """Who is told what a node does.

    `results` it got, decisions after which its votes may differ, updates it `sent`; the orders it has after its
    `started`, after it `merged` some, that it is `given`, that it `acknowledged`, and that it says others know;
    and that it goes by another list of nodes.
    """

    results: Callable[[Results], None]
    decided: Callable[["WatchedEngine", Event, Sequence[Effect]], None]
    sent: Sent
    started: Callable[["Node"], None]
    merged: Callable[["Node"], None]
    given: Callable[["Node", Entry], None]
    acknowledged: Callable[["Node", Entry], None]
    agreed: Callable[[Entry, Sequence[str], float], None]
    reseated: Callable[["Node"], None]


class WatchedEngine(Engine):
    """The real engine; the observer sees what it is told and what it decides."""

    observer: Observer | None = None
    rests: Callable[[float], bool] = staticmethod(lambda _now: False)
    """Tells if nothing more of what is to be counted again is counted for now."""

    def _go_on(self, now: float) -> list[Effect]:
        return [] if self.rests(now) else super()._go_on(now)

    def handle(self, event: Event, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        if self.observer:
            self.observer.decided(self, event, effects)
        return effects


class Node:
    """A running process; it starts when it is made."""

    def __init__(self, plan: NodePlan, around: Surroundings, observer: Observer) -> None:
        self.plan = plan
        self._around = around
        self._observer = observer
        self.loop = ProcessLoop(around.kernel, plan.name, plan.clock_offset, plan.clock_rate)
        self._rests_until = float("-inf")
        around.kernel.post(around.kernel.now, self.loop, self._start)

    def kill(self) -> None:
        """End it at once, as SIGKILL does."""
        self._around.network.ports.pop(self.plan.name, None)
        self.loop.kill()

    def _start(self) -> None:
        plan, around, clock = self.plan, self._around, self.loop.time
        scenario = around.scenario
        timing = Timing(vote_ttl=scenario.vote_ttl, learn=3 * HEARTBEAT)
        self.members = self._membership()
        at_once = 1 if scenario.slow else AT_ONCE
        self.engine = WatchedEngine(plan.name, self.members.nodes, plan.services, clock(), timing, at_once)
        self.engine.observer = self._observer
        self.engine.rests = self._rests
        self.runtime = Runtime(self.engine, clock, rest=partial(asyncio.sleep, 0.1 if scenario.slow else 0))
        scheduler = Scheduler(self.loop, self._deliver(), self._open_runner)
        self.mesh = self._mesh()
        self.runtime.attach(scheduler, self._keepers(), self.mesh)
        self.inbox = Inbox(
            plan.name, self.members.nodes, scenario.secret, self.runtime.listen, clock, self._speaks_of_nodes
        )
        around.network.ports[plan.name] = Port(self.loop, self.inbox)
        scheduler.set_jobs(self._jobs())
        self._scheduler = scheduler
        if self.mesh:
            self.members.attach(self._reseat, self.mesh.nudge)
        self._observer.reseated(self)
        self._wall = EPOCH
        self.book = Book(self.runtime.ledger, around.disk, plan.name, lambda: self._wall)
        self.loop.create_task(self._run()).add_done_callback(self._ended)

    def _rests(self, now: float) -> bool:
        """Tell if a slow node is still busy with what it counted last."""
        scenario = self._around.scenario
        if not scenario.slow or self._around.kernel.now >= scenario.healed:
            return False
        if now < self._rests_until:
            return True
        self._rests_until = now + SLOW
        return False

    async def _run(self) -> None:
        await self.book.load()
        self._observer.started(self)
        self._apply()
        self.runtime.on_entries = self._heard
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.book.run())
            if self._speaks_of_nodes:
                tasks.create_task(self.members.run())
            tasks.create_task(self.runtime.run())

    def order(self, planned: PlannedOrder) -> None:
        """Somebody orders something here."""
        self.loop.create_task(self._order(planned))

    async def _order(self, planned: PlannedOrder) -> None:
        self._wall = planned.wall
        [entry] = self.book.stamped([orders.Setting(planned.key, planned.value)], "operator", "")
        self._observer.given(self, entry)
        began = self._around.kernel.now
        await self.book.write([entry], AuditRow(planned.wall, "operator", "order", planned.key, ""))
        self._apply()
        self._observer.acknowledged(self, entry)
        if self.mesh:
            self.mesh.ordered([entry.key])
            agreement = await self.mesh.agreed([entry.key], timeout=2.0)
            self._observer.agreed(entry, agreement.known_by, began)

    def _heard(self, entries: Sequence[Entry], node: str) -> None:
        news = self.book.take(entries)
        if news and self.mesh:
            self._apply()
            self.mesh.ordered([entry.key for entry in news], known_to=node)

    def _apply(self) -> None:
        self._observer.merged(self)
        standing = orders.overrides(self.runtime.ledger, self._wall, self.loop.time())
        self.runtime.handle(Ordered(standing))

    def change(self, planned: PlannedChange) -> None:
        """Somebody orders another list of nodes here."""
        self.loop.create_task(self._change(planned))

    async def _change(self, planned: PlannedChange) -> None:
        settled = await self.members.change(planned.change)
        logging.getLogger("rrdnsd").info("order %s: %s", planned, settled.sentence)

    @property
    def has_started(self) -> bool:
        """Tell if the process has come so far that it has a list of nodes."""
        return hasattr(self, "members")

    @property
    def base(self) -> str:
        """The digest of the list that the cluster began with."""
        first = self._around.scenario.nodes[0]
        return membership.begin(first.nodes, None).record.base

    @property
    def _speaks_of_nodes(self) -> Membership | None:
        return self.members if self._around.scenario.changes else None

    def _membership(self) -> Membership:
        disk = self._around.node_disk
        start = membership.begin(self.plan.nodes, disk.record if disk.durable else None)
        agreement = Agreement(self.plan.name, start, durable=disk.durable)
        return Membership(agreement, disk.save, self.loop.time, self._around.scenario.vote_ttl)

    def _reseat(self, nodes: tuple[str, ...], _version: int) -> None:
        self.runtime.handle(Reseated(nodes))
        if self.mesh:
            self.mesh.reseat(nodes)
        self.inbox.reseat(nodes)
        self._scheduler.set_jobs(self._jobs())
        if any(service.voters for service in self.plan.services):
            self._scheduler.look_round()
        self._observer.reseated(self)

    def _mesh(self) -> Mesh | None:
        if len(self.plan.nodes) == 1 and not self._speaks_of_nodes:
            return None
        carrier = self._around.network.carrier(self.plan.name, self.loop, 2 * HEARTBEAT)
        voice = EngineVoice(self.engine, {}, self.runtime.ledger)
        secret = self._around.scenario.secret
        return Mesh(
            self.plan.name,
            self.members.nodes,
            secret,
            voice,
            carrier,
            self.loop.time,
            HEARTBEAT,
            self._speaks_of_nodes,
        )

    def _open_runner(self, take: Callable[[Sequence[tuple[object, ProbeResult]]], None]) -> SimulatedRunner:
        return SimulatedRunner(self.plan.name, self.loop, self._around.rng, self._around.conditions, take)

    def _deliver(self) -> Callable[[Results], None]:
        link = LinkWatch([GATEWAY], self.runtime.handle, self.loop.time)

        def deliver(results: Results) -> None:
            self._observer.results(results)
            if self._around.scenario.link_check:
                link.on_results(results)
            self.runtime.on_results(results)

        return deliver

    def _keepers(self) -> dict[tuple[str, str], tuple[ZoneKeeper, ...]]:
        settings = KeeperSettings(
            RECONCILE,
            TAKEOVER,
            self._around.scenario.vote_ttl,
            limit=None,
            backoff=Backoff(0.5, BACKOFF_MOST),
        )
        around = self._around

        def keeper(server: DnsServer, zone: str) -> ZoneKeeper:
            provider = SimulatedProvider(
                self.plan.name,
                server,
                self.loop,
                around.kernel,
                around.rng,
                around.conditions,
                self._observer.sent,
            )
            return ZoneKeeper(
                provider, zone, settings, self.runtime.report, self.loop.time,
                partial(self.runtime.rank, f"{zone}@{provider.label}"), self.runtime.catch_up,
            )  # fmt: skip

        zones = sorted({(service.provider, service.zone) for service in self.plan.services})
        return {
            (name, zone): tuple(keeper(server, zone) for server in around.servers) for name, zone in zones
        }

    def _jobs(self) -> list[Job]:
        scenario = self._around.scenario
        me, nodes = self.plan.name, self.members.configured
        voting = {s.fqdn: voters(s.fqdn, nodes, s.voters) for s in self.plan.services}
        keys = [
            (EndpointKey(s.fqdn, e.address), voting[s.fqdn].index(me) / len(voting[s.fqdn]))
            for s in self.plan.services
            for e in s.endpoints
            if me in voting[s.fqdn]
        ]
        if scenario.link_check:
            keys.append((GATEWAY, nodes.index(me) / len(nodes)))
        return [
            Job(SimulatedProbe(key, scenario.probe_timeout), scenario.interval, (phase_of(key) + place) % 1)
            for key, place in keys
        ]

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not self.loop.dying:
            self._around.kernel.fail(f"{self.plan.name}: the runtime ended: {task.exception()!r}")
