"""Applies another configuration to the running daemon: other services, other endpoints, other nodes."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from rrdnsd.daemon.scheduler import Job, Scheduler
from rrdnsd.probes.heartbeat import Board
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.builtin.provider import Builtin
from rrdnsd.providers.builtin.store import Saved

Reseat = Callable[[Config], None]
"""Tells engine, mesh and inbox that the nodes are others."""


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


class Live:
    """The configuration that the running parts follow, and how they are brought to follow another.

    What is the same in both goes on undisturbed: probes keep their connections and turns, endpoints their
    health, votes and history, zones their keepers. A change is `prepare`d, which may fail and changes
    nothing, and then applied with `commit`, which cannot fail; one at a time, see `lock`.

    Providers that nobody uses any more stay open until the end: records that were left behind go on being
    served by the built-in server. Not handled: other settings of a provider that is in use or of the
    built-in server, and top-level settings that no service inherits (`mode`, `reconcile_interval_ms`,
    `takeover_ms`, `max_removals`, `notifiers`, `connectivity_check`, heartbeats, TLS, secrets, `api`), nor a plug-in's
    provider that wants to know of zones that come later; they need a restart.
    """

    def __init__(
        self,
        config: Config,
        changes: Changes,
        runtime: Runtime,
        scheduler: Scheduler,
        built: Providers,
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
        self.lock = asyncio.Lock()
        """To be held from `prepare` to `commit`: what is prepared is for what holds at that moment."""
        self._runtime = runtime
        self._scheduler = scheduler
        self._state_dir = state_dir
        self._reseat = reseat
        self._probing: Mapping[EndpointKey, Probing] = {}
        self._opened: list[Provider] = []
        self._note_zones(parts.provider_specs(config, state_dir, changes))

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
            PluginError: a probe type or an update method is not installed.
            ConfigError: one cannot work with its settings.
            ProviderError: a new provider cannot work at all.

        """
        specs = parts.provider_specs(config, self._state_dir, changes)
        probing = self._probes_for(config)
        opened: Providers = {}
        try:
            for name in specs.keys() - self.built.keys():
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
        services = parts.core_services(config, changes)
        return Prepared(config, changes, services, probing, specs, opened, saved)

    async def discard(self, prepared: Prepared) -> None:
        """Let go of what was prepared."""
        await self._throw_away(prepared.probing, prepared.opened)

    def commit(self, prepared: Prepared) -> None:
        """Follow the configuration from now on."""
        reseated = prepared.config.nodes != self.config.nodes
        self.config, self.changes = prepared.config, prepared.changes
        self.built.update(prepared.opened)
        self._opened += [provider for group in prepared.opened.values() for provider in group]
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
        runtime.handle(Reconfigured(prepared.services))
        self.board.keep_only(frozenset(prepared.probing))

    async def close(self) -> None:
        """Close the providers that came later."""
        for provider in self._opened:
            await close(provider)

    def _probes_for(self, config: Config) -> dict[EndpointKey, Probing]:
        return parts.probing(config, self._runtime.clock(), time.time(), self._probing, self.board)

    async def _throw_away(self, probing: Mapping[EndpointKey, Probing], opened: Providers) -> None:
        parts.close_unused(probing, self._probing)
        for provider in (provider for group in opened.values() for provider in group):
            await close(provider)

    def _note_zones(self, specs: Mapping[str, ProviderSpec]) -> None:
        for name, server in self._builtins(self.built):
            if name in specs:
                self.served.update(dict.fromkeys(specs[name].zones, server))

    @staticmethod
    def _builtins(built: Providers) -> list[tuple[str, Builtin]]:
        return [
            (name, server) for name, group in built.items() for server in group if isinstance(server, Builtin)
        ]
