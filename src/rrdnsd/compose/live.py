"""Applies another configuration to the running daemon: other services, other endpoints, other nodes."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rrdnsd.compose import parts
from rrdnsd.compose.building import build_provider
from rrdnsd.compose.parts import Probing, Providers
from rrdnsd.config import Config
from rrdnsd.core.events import Reconfigured
from rrdnsd.core.model import EndpointKey, Service
from rrdnsd.core.orders import Changes
from rrdnsd.daemon.lifecycle import close
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.daemon.timetable import Job
from rrdnsd.probes.heartbeat import Board
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.builtin.provider import Builtin
from rrdnsd.providers.builtin.store import Saved

Reseat = Callable[[Config], None]
"""Tells engine, mesh and inbox that the nodes are others."""

Fit = Callable[[Config], Callable[[], None]]
"""Makes what a part needs for a configuration, which may fail and changes nothing; what it returns brings that into force."""

Refuse = Callable[[Config], None]
"""Raises ConfigError for a configuration that this process may not follow. It is called in a thread."""

_GRACE = 3
"""How many of its timeouts a provider that was replaced has for what it is just doing."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration of which everything that can fail is done, and nothing is changed yet."""

    config: Config
    changes: Changes
    services: tuple[Service, ...]
    probing: Mapping[EndpointKey, Probing]
    specs: Mapping[str, ProviderSpec]
    opened: Providers
    saved: Mapping[str, tuple[Saved, ...]]
    fitted: Sequence[Callable[[], None]]


class Live:
    """The configuration that the running parts follow, and how they are brought to follow another.

    What is the same in both goes on undisturbed: probes keep their connections and turns, endpoints their
    health, votes and history, zones their keepers. A change is `prepare`d, which may fail and changes
    nothing, and then applied with `commit`, which cannot fail; one at a time, see `lock`.

    A provider with other settings is built anew, and its keepers go on with it. Providers that nobody uses any
    more stay open until the end: records that were left behind go on being served by the built-in server. What
    `fits` are given follows as well. What else cannot change while it runs, `compose/reloading.py` refuses.

    `led` is called when this node leads an edition of a zone that it serves itself.
    """

    def __init__(
        self,
        config: Config,
        changes: Changes,
        runtime: Runtime,
        scheduler: Scheduler,
        built: Providers,
        led: Callable[[], None],
        state_dir: Path | None = None,
        reseat: Reseat = lambda _config: None,
    ) -> None:
        self.config = config
        self.changes = changes
        self.built = built
        self.served: dict[str, Builtin] = {}
        """The built-in server of each zone that this node serves itself; always the same dictionary."""
        self.board = Board(runtime.clock)
        """The calls of endpoints that are watched by heartbeats."""
        self.fits: list[Fit] = []
        """How parts that nothing else here knows of follow the configuration."""
        self.refuse: Refuse = lambda _config: None
        self.lock = asyncio.Lock()
        """To be held from `prepare` to `commit`: what is prepared is for what holds at that moment."""
        self._runtime = runtime
        self._scheduler = scheduler
        self._led = led
        self._state_dir = state_dir
        self._reseat = reseat
        self._probing: Mapping[EndpointKey, Probing] = {}
        self._opened: list[Provider] = []
        self._specs = parts.provider_specs(config, state_dir, changes)
        self._leaving: set[asyncio.Task[None]] = set()
        self._note_zones(self._specs)

    def jobs(self) -> list[Job]:
        """Return what is to be probed now, for the start; from then on the scheduler is told of changes.

        Raises:
            PluginError: a scheme has no probe type.
            ConfigError: a probe type cannot work with its settings.

        """
        self._probing = self._probes_for(self.config)
        return [made.job for made in self._probing.values()]

    async def apply(self, config: Config, changes: Changes) -> None:
        """Prepare and commit; see there.

        Raises:
            RrdnsdError: it cannot be used; nothing has changed.

        """
        async with self.lock:
            self.commit(await self.prepare(config, changes))

    async def prepare(self, config: Config, changes: Changes) -> Prepared:
        """Build what the configuration needs beside what is there: probes, providers, saved zones.

        What is prepared must be either committed or discarded.

        Raises:
            PluginError: a probe type, an update method or a notifier is not installed.
            ConfigError: one cannot work with its settings.
            ProviderError: a new provider cannot work at all.

        """
        # For a thousand endpoints each of these takes a while, which the probes of now must not wait for.
        await asyncio.to_thread(self.refuse, config)
        probing = await asyncio.to_thread(self._probes_for, config)
        opened: Providers = {}
        try:
            specs = await asyncio.to_thread(parts.provider_specs, config, self._state_dir, changes)
            services = await asyncio.to_thread(parts.core_services, config, changes)
            fitted = [fit(config) for fit in self.fits]
            for name in [name for name in specs if self._is_new(specs[name])]:
                opened[name] = ()
                for provider in build_provider(specs[name]):
                    await provider.start()
                    opened[name] = (*opened[name], provider)
            saved = {
                name: tuple(await server.saved(specs[name].zones))
                for name, server in self._builtins(self.built)
                if name in specs
            }
        except BaseException:
            await self._throw_away(probing, opened)
            raise
        return Prepared(config, changes, services, probing, specs, opened, saved, fitted)

    async def discard(self, prepared: Prepared) -> None:
        """Let go of what was prepared."""
        await self._throw_away(prepared.probing, prepared.opened)

    def commit(self, prepared: Prepared) -> None:
        """Follow the configuration from now on."""
        reseated = prepared.config.nodes != self.config.nodes
        self.config, self.changes = prepared.config, prepared.changes
        self._replace_providers(prepared)
        for name, server in self._builtins(self.built):
            if name in prepared.specs:
                spec = prepared.specs[name]
                server.serve(spec.zones, spec.names, prepared.saved.get(name, ()))
        self._note_zones(prepared.specs)
        runtime = self._runtime
        runtime.keep(parts.keepers(self.config, self.built, runtime, self.changes))
        if reseated:
            self._reseat(self.config)
        self._probing = prepared.probing
        self._scheduler.set_jobs(made.job for made in prepared.probing.values())
        self._scheduler.look_round()
        for bring_into_force in prepared.fitted:
            bring_into_force()
        runtime.handle(Reconfigured(prepared.services))
        # Calls of all endpoints: whoever becomes a voter on one knows them already.
        self.board.keep_only(frozenset(runtime.engine.endpoints))

    async def close(self) -> None:
        """Close the providers that came later."""
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        for provider in self._opened:
            await close(provider)

    def _is_new(self, spec: ProviderSpec) -> bool:
        """Tell if a provider is to be built: it is not there, or is another than that. The built-in server never is."""
        group = self.built.get(spec.name)
        if group is None:
            return True
        same = replace(self._specs[spec.name], names=()) == replace(spec, names=())
        return not same and not any(isinstance(server, Builtin) for server in group)

    def _replace_providers(self, prepared: Prepared) -> None:
        for name in prepared.opened.keys() & self.built.keys():
            # Those of the start are closed by whoever opened them, at the end.
            old = [provider for provider in self.built[name] if provider in self._opened]
            self._opened = [provider for provider in self._opened if provider not in old]
            task = asyncio.create_task(_leave(old, _GRACE * self._specs[name].timeout))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        self.built.update(prepared.opened)
        self._opened += [provider for group in prepared.opened.values() for provider in group]
        self._specs |= prepared.specs

    def _probes_for(self, config: Config) -> dict[EndpointKey, Probing]:
        return parts.probing(config, self._runtime.clock(), time.time(), self._probing, self.board)

    async def _throw_away(self, probing: Mapping[EndpointKey, Probing], opened: Providers) -> None:
        parts.close_unused(probing, self._probing)
        for provider in (provider for group in opened.values() for provider in group):
            await close(provider)

    def _note_zones(self, specs: Mapping[str, ProviderSpec]) -> None:
        for name, server in self._builtins(self.built):
            if name in specs:
                server.on_lead = self._led
                self.served.update(dict.fromkeys(specs[name].zones, server))

    @staticmethod
    def _builtins(built: Providers) -> list[tuple[str, Builtin]]:
        return [
            (name, server) for name, group in built.items() for server in group if isinstance(server, Builtin)
        ]


async def _leave(providers: Sequence[Provider], seconds: float) -> None:
    """Close providers that were replaced, when what they were just doing is over."""
    try:
        await asyncio.sleep(seconds)
    finally:
        for provider in providers:
            await close(provider)
