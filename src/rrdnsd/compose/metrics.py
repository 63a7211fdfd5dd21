"""Counts what is decided and done, and tells machines: StatsD if it is configured, Prometheus when it asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from rrdnsd.config import Config, host_port
from rrdnsd.core.effects import Effect, Transition
from rrdnsd.core.model import State
from rrdnsd.daemon.announcing.channel import Channel
from rrdnsd.daemon.budget import Incident
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.lifecycle import Chore
from rrdnsd.daemon.measured.everything import Measured
from rrdnsd.daemon.reports import Failed, Noticed, Report, Served, Wrote
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.metrics.looplag import watch_loop
from rrdnsd.metrics.prometheus import Exposition
from rrdnsd.metrics.statsd import Flow, Totals, tell
from rrdnsd.metrics.tally import Results, Tally
from rrdnsd.turns import Readers


def seeing(tally: Tally) -> Callable[[Effect | Report | Incident], None]:
    """Return what counts effects, reports and failovers."""

    def see(what: Effect | Report | Incident) -> None:
        match what:
            case Transition(key, before, after) if before is not State.UNKNOWN:
                tally.change(key.service, after)
            case Incident():
                _steps(tally, what)
            case Wrote(server, zone, _, _, drift):
                tally.repairs[server, zone] += drift
            case Served(server, _, _, after):
                tally.serve(server, after)
            case Failed(server, zone):
                tally.dns_failures[server, zone] += 1
            case Noticed(_, zone, _, _, alarm):
                tally.refused[zone] += alarm
            case _:
                pass

    return see


def _steps(tally: Tally, incident: Incident) -> None:
    visible = max(incident.visible.values(), default=None) if incident.complete else None
    steps = {
        "asked": incident.suspected,
        "decided": incident.decided,
        "written": incident.written,
        "visible": visible,
    }
    for name, at in steps.items():
        if at is not None:
            tally.step(name, max(0.0, at - incident.first_seen))


@dataclass(frozen=True, slots=True)
class Machines:
    """What is counted for machines, and what gathers for StatsD if it is configured."""

    config: Config
    tally: Tally
    flow: Flow | None

    @property
    def takers(self) -> list[Callable[[Results], None]]:
        """Who wants to see the results of probes."""
        return [self.tally.note, *([self.flow.note] if self.flow else [])]

    def exposition(self, office: Office, channels: Mapping[str, Channel], readers: Readers) -> Exposition:
        """Return what Prometheus is answered with."""
        bounds = self.config.metrics
        measured = Measured(office, self.tally, channels, bounds.max_endpoints, bounds.max_services)
        return Exposition(measured.readings, readers)

    def chores(self) -> dict[str, Chore]:
        """Return what measures and tells, by name."""
        found: dict[str, Chore] = {"watching the event loop": partial(watch_loop, self.tally)}
        statsd = self.config.statsd
        if self.flow and statsd:
            found["telling StatsD"] = partial(tell, self.flow, *host_port(statsd.address), statsd.prefix)
        return found


def machines(config: Config, scheduler: Callable[[], Scheduler]) -> Machines:
    """Begin to count. The scheduler comes later: it shows what it finds to those who count."""
    tally = Tally()

    def totals() -> Totals:
        stats = scheduler().stats()
        return Totals(
            started=stats.started,
            successes=tally.successes,
            failures=tally.failures,
            heard=tally.heard,
            changed=tally.changed,
            busy=stats.busy,
            load=stats.load_factor,
        )

    return Machines(config, tally, Flow(totals) if config.statsd else None)
