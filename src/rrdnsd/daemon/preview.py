"""Looks once and writes nothing: probes until every endpoint has a verdict, and compares with each server."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from rrdnsd.core.engine import Engine
from rrdnsd.core.plan import foreign, plan
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.daemon.timetable import Job
from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Difference:
    """What would become of one name on one server: a change, nothing, or an error that kept it from being read."""

    server: str
    zone: str
    name: str
    change: str = ""
    held: str = ""
    foreign: str = ""
    error: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the fields by name."""
        return asdict(self)

    def sentence(self) -> str:
        """Say it in one line."""
        said = self.error or self.change or self.held or "as it should be"
        return f"{self.name} on {self.server}: {said}" + (
            f" (foreign: {self.foreign})" if self.foreign else ""
        )


async def verdicts(runtime: Runtime, scheduler: Scheduler, jobs: Iterable[Job]) -> None:
    """Probe until every endpoint has a verdict; how long that takes is bounded by the probes' timeouts."""
    made = list(jobs)
    scheduler.set_jobs(made)
    for job in made:
        scheduler.probe_after(job.probe.key, 0.0)
    await runtime.decided.wait()
    await scheduler.close()


async def differences(engine: Engine, providers: Mapping[str, tuple[Provider, ...]]) -> list[Difference]:
    """Compare what shall be published with what each server serves; the providers are closed after it."""
    found: list[Difference] = []
    groups: dict[tuple[str, str], list[str]] = {}
    for name, publication in engine.publications.items():
        groups.setdefault((publication.provider, publication.zone), []).append(name)
    for (provider, zone), names in sorted(groups.items()):
        for server in providers[provider]:
            found += await _compare(engine, server, zone, names)
    for server in (server for group in providers.values() for server in group):
        await server.close()
    return found


async def _compare(engine: Engine, server: Provider, zone: str, names: list[str]) -> list[Difference]:
    wanted = [engine.publications[name] for name in names]
    try:
        view = await server.fetch(zone, [key for publication in wanted for key in publication.keys])
    except ProviderError as error:
        return [Difference(server.label, zone, name, error=str(error)) for name in names]
    changes = {change.name: change.reason for change in plan(zone, wanted, view).changes}
    return [
        Difference(
            server.label,
            zone,
            publication.service,
            change=changes.get(publication.service, ""),
            held=publication.held,
            foreign=", ".join(sorted(foreign(publication, view))),
            error=view.problems.get(publication.service, ""),
        )
        for publication in wanted
    ]
