"""One simulated node: the real parts of the daemon, on the event loop of a simulated process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from rrdnsd.compose.cluster import EngineVoice
from rrdnsd.core.effects import Effect
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Event
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.daemon.backoff import Backoff
from rrdnsd.daemon.connectivity import LinkWatch, link_key
from rrdnsd.daemon.keeping import KeeperSettings
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Job, Scheduler, phase_of
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Mesh
from simulation.dns import DnsServer, Sent, SimulatedProvider
from simulation.faults import Conditions
from simulation.kernel import Kernel, ProcessLoop
from simulation.network import Network, Port
from simulation.probing import SimulatedProbe, SimulatedRunner
from simulation.scenario import BACKOFF_MOST, HEARTBEAT, RECONCILE, TAKEOVER, NodePlan, Scenario

if TYPE_CHECKING:
    import asyncio

GATEWAY = link_key("http://gateway/", "198.51.100.1")
"""What a node's own connectivity check asks; only total isolation cuts a node off from it."""

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


@dataclass(frozen=True, slots=True)
class Observer:
    """Who is told what a node does: results it got, decisions after which its votes may differ, updates it sends."""

    results: Callable[[Results], None]
    decided: Callable[["WatchedEngine", Event, Sequence[Effect]], None]
    sent: Sent


class WatchedEngine(Engine):
    """The real engine; the observer sees what it is told and what it decides."""

    observer: Observer | None = None

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
        around.kernel.post(around.kernel.now, self.loop, self._start)

    def kill(self) -> None:
        """End it at once, as SIGKILL does."""
        self._around.network.ports.pop(self.plan.name, None)
        self.loop.kill()

    def _start(self) -> None:
        plan, around, clock = self.plan, self._around, self.loop.time
        scenario = around.scenario
        timing = Timing(vote_ttl=scenario.vote_ttl, learn=3 * HEARTBEAT)
        self.engine = WatchedEngine(plan.name, plan.nodes, plan.services, clock(), timing)
        self.engine.observer = self._observer
        self.runtime = Runtime(self.engine, clock)
        scheduler = Scheduler(self.loop, self._deliver(), self._open_runner)
        self.mesh = self._mesh()
        self.runtime.attach(scheduler, self._keepers(), self.mesh)
        self.inbox = Inbox(plan.name, plan.nodes, scenario.secret, self.runtime.listen, clock)
        around.network.ports[plan.name] = Port(self.loop, self.inbox)
        scheduler.set_jobs(self._jobs())
        self.loop.create_task(self.runtime.run()).add_done_callback(self._ended)

    def _mesh(self) -> Mesh | None:
        if len(self.plan.nodes) == 1:
            return None
        carrier = self._around.network.carrier(self.plan.name, self.loop, 2 * HEARTBEAT)
        voice = EngineVoice(self.engine, {})
        secret = self._around.scenario.secret
        return Mesh(self.plan.name, self.plan.nodes, secret, voice, carrier, self.loop.time, HEARTBEAT)

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
        settings = KeeperSettings(RECONCILE, TAKEOVER, limit=None, backoff=Backoff(0.5, BACKOFF_MOST))
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
        place = sorted(self.plan.nodes).index(self.plan.name) / len(self.plan.nodes)
        keys = [EndpointKey(s.fqdn, e.address) for s in self.plan.services for e in s.endpoints]
        if scenario.link_check:
            keys.append(GATEWAY)
        return [
            Job(SimulatedProbe(key, scenario.probe_timeout), scenario.interval, (phase_of(key) + place) % 1)
            for key in keys
        ]

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and not self.loop.dying:
            self._around.kernel.fail(f"{self.plan.name}: the runtime ended: {task.exception()!r}")
