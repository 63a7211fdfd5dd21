"""Locks the daemon in before it has threads, and refuses changes that would need more than it was left with."""

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rrdnsd.compose.following import fitting
from rrdnsd.config import Config
from rrdnsd.config.loader import Loaded
from rrdnsd.core.ledger import Ledger
from rrdnsd.core.orders import changes
from rrdnsd.daemon.control.book import entry_of
from rrdnsd.daemon.sandbox import enforcing, telling
from rrdnsd.daemon.sandbox.allowance import Allowance, beyond, merged
from rrdnsd.daemon.sandbox.enforcing import Confined
from rrdnsd.daemon.sandbox.fitting import allowance
from rrdnsd.daemon.sandbox.hint import Hints
from rrdnsd.daemon.sandbox.machine import Machine, look_around
from rrdnsd.errors import ConfigError
from rrdnsd.store.glance import glance

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds for this process; `confined` is None where the sandbox is switched off."""

    machine: Machine
    confined: Confined | None

    def refuse(self, config: Config) -> None:
        """Refuse a configuration that needs more than was allowed at the start.

        Raises:
            ConfigError: it does; a sentence for each thing.

        """
        found = self.beyond(config)
        if found:
            raise ConfigError("the sandbox", found)

    def beyond(self, config: Config) -> list[str]:
        """Return a sentence for each thing that the configuration needs and that was not allowed at the start."""
        if self.confined is None:
            return []
        return beyond(self.confined.allowance, allowance(config, self.machine))

    def tell(self) -> None:
        """Log what is in force and what is not; from now on log lines say what the sandbox refused."""
        if self.confined is None:
            log.info("[sandbox] switched off by the configuration")
            return
        log.info("[sandbox] %s", telling.line(self.confined.allowance))
        for sentence in self.confined.troubles:
            log.warning("[sandbox] %s", sentence)
        for handler in logging.getLogger().handlers:
            handler.addFilter(Hints(self.confined.allowance))


def confine(loaded: Loaded, state: Path | None, env: Mapping[str, str]) -> Confinement:
    """Lock this process in, as the configuration and the orders that stand need it."""
    machine = look_around(loaded, state, env, _pings_raw)
    if not loaded.config.sandbox.enabled:
        return Confinement(machine, None)
    if state:
        with contextlib.suppress(OSError):  # the store says what is wrong with it
            state.mkdir(parents=True, exist_ok=True)
    wanted = allowance(loaded.config, machine)
    ordered = _ordered(loaded, state)
    if ordered is not loaded.config:
        wanted = merged(wanted, allowance(ordered, machine))
    return Confinement(machine, enforcing.confine(wanted, enforcing.ask_kernel()))


def sandbox_lines(loaded: Loaded, state: Path | None, env: Mapping[str, str]) -> list[str]:
    """Say what a daemon of this user would be allowed, and why; nothing is changed."""
    if not loaded.config.sandbox.enabled:
        return ["off: the configuration switches it off"]
    return list(telling.lines(_planned(loaded, state, env), enforcing.ask_kernel()))


def described(loaded: Loaded, state: Path | None, env: Mapping[str, str]) -> dict[str, object]:
    """Give the same for JSON."""
    if not loaded.config.sandbox.enabled:
        return {"enabled": False}
    return telling.as_data(_planned(loaded, state, env), enforcing.ask_kernel())


def _planned(loaded: Loaded, state: Path | None, env: Mapping[str, str]) -> Allowance:
    return allowance(loaded.config, look_around(loaded, state, env, _pings_raw))


def _ordered(loaded: Loaded, state: Path | None) -> Config:
    """Return the configuration with what operators ordered before this start."""
    rows, nodes = glance(state) if state else ((), ())
    if not rows and not nodes:
        return loaded.config
    ledger = Ledger()
    ledger.merge(entry for row in rows if (entry := entry_of(row)))
    return fitting(loaded, changes(ledger), sorted({*nodes, *loaded.config.nodes})).config


def _pings_raw() -> bool:
    from rrdnsd.probes.icmp import needs_raw  # noqa: PLC0415 -- only where it is asked

    return needs_raw()
