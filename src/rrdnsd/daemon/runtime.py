"""Carries out what the engine decides: results and ticks go in, effects come out and reach their owners.

Everything here runs on the event loop's thread and never waits, so that a slow DNS server or a slow reader
of the API cannot delay a probe.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from rrdnsd.core.effects import Effect, Publish, Recheck, Retire, ServiceTransition, Transition
from rrdnsd.core.engine import Engine
from rrdnsd.core.events import Event, Probed, Ticked
from rrdnsd.core.model import EndpointKey, ProbeResult, State
from rrdnsd.core.publish import Publication
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.reports import Failed, Noticed, Recovered, Report, Served, Wrote

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0

Keepers = Mapping[tuple[str, str], Sequence[ZoneKeeper]]
"""The keepers of each (provider, zone): one for each server that the provider writes to."""


class Prober(Protocol):
    """The part of the scheduler that the runtime needs."""

    def probe_after(self, key: EndpointKey, delay: float) -> None:
        """Probe this endpoint in `delay` seconds, out of turn."""


class Runtime:
    """Owns the engine."""

    def __init__(self, engine: Engine, keepers: Keepers, clock: Callable[[], float]) -> None:
        self.engine = engine
        self.keepers = keepers
        self._clock = clock
        self._prober: Prober | None = None
        self._first_verdicts = 0
        self.decided = asyncio.Event()
        """Set once every endpoint has had a first verdict."""

    def attach(self, prober: Prober) -> None:
        """Name who carries out rechecks; results may come in from now on."""
        self._prober = prober

    def on_results(self, results: Sequence[tuple[EndpointKey, ProbeResult]]) -> None:
        """Take in probe results, as the scheduler delivers them."""
        self.handle(Probed(results))

    def handle(self, event: Event) -> None:
        """Let the engine decide, and carry out what it says."""
        for effect in self.engine.handle(event, self._clock()):
            self._carry_out(effect)

    async def run(self) -> None:
        """Keep the zones and the time until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for keepers in self.keepers.values():
                for keeper in keepers:
                    tasks.create_task(keeper.run(), name=f"keeper {keeper.server} {keeper.zone}")
            tasks.create_task(self._tick(), name="tick")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.handle(Ticked())

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Recheck(key, delay):
                if self._prober:
                    self._prober.probe_after(key, delay)
            case Publish(publication):
                self._published(publication)
            case Retire(service, zone, provider):
                for keeper in self.keepers.get((provider, zone), ()):
                    keeper.release(service)
                log.info(
                    "[updater] %s is no longer configured; its records stay",
                    service,
                    extra={"service": service},
                )
            case Transition():
                _log_transition(effect)
                self._first_verdicts += effect.before is State.UNKNOWN
                if self._first_verdicts >= len(self.engine.endpoints):
                    self.decided.set()
            case ServiceTransition(service, state, reason):
                level = logging.WARNING if state is State.DOWN else logging.INFO
                log.log(
                    level, "[main] service %s is %s: %s", service, state, reason, extra={"service": service}
                )

    def _published(self, publication: Publication) -> None:
        for keeper in self.keepers.get((publication.provider, publication.zone), ()):
            keeper.want(publication)
        extra = {"service": publication.service, "zone": publication.zone}
        if publication.fail_open:
            log.warning("[publish] %s: %s", publication.service, publication.fail_open, extra=extra)
        if publication.held:
            log.debug(
                "[publish] %s: nothing is written: %s", publication.service, publication.held, extra=extra
            )

    def counts(self) -> Mapping[State, int]:
        """Return how many endpoints have which verdict."""
        return Counter(status.verdict for status in self.engine.endpoints.values())


def _log_transition(transition: Transition) -> None:
    level = logging.WARNING if transition.after is State.DOWN else logging.INFO
    service, address = transition.key
    log.log(
        level,
        "[vote] %s of %s: %s -> %s (%s)",
        address,
        service,
        transition.before,
        transition.after,
        transition.reason,
        extra={"service": service, "endpoint": address},
    )


def log_report(report: Report) -> None:
    """Write what a keeper tells into the log."""
    extra = {"server": report.server, "zone": report.zone}
    match report:
        case Wrote(server, _, name, reason, drift):
            cause = "drift repaired: " if drift else ""
            log.info(
                "[updater] %s on %s: %s%s", name, server, cause, reason, extra={**extra, "service": name}
            )
        case Served(server, _, name, after):
            log.info(
                "[updater] %s is served by %s after %.3f s",
                name,
                server,
                after,
                extra={**extra, "service": name},
            )
        case Failed(server, zone, reason, retry_in):
            log.warning(
                "[updater] %s, zone %s: %s; again in %.1f s", server, zone, reason, retry_in, extra=extra
            )
        case Recovered(server, zone, failed_for):
            log.info("[updater] %s, zone %s: works again after %.1f s", server, zone, failed_for, extra=extra)
        case Noticed(server, _, name, text, alarm):
            level = logging.ERROR if alarm else logging.WARNING
            log.log(level, "[updater] %s on %s: %s", name, server, text, extra={**extra, "service": name})
