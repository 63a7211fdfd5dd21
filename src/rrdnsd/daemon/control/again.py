"""Tells when a report on a service would say what the last one said, so that it need not be made again."""

from collections.abc import Sequence
from dataclasses import dataclass

from rrdnsd.config import ServiceConfig
from rrdnsd.control.reports import ServiceReport
from rrdnsd.core.model import EndpointKey, ProbeResult, State
from rrdnsd.core.override import Override
from rrdnsd.daemon.control.scene import Scene


@dataclass(frozen=True, slots=True)
class Essence:
    """All that the report on a service is made from: the last result for each endpoint, and everything else."""

    lasts: Sequence[ProbeResult | None]
    rest: Sequence[object]


Kept = dict[str, tuple[Essence, ServiceReport]]
"""The last report on each service, and what it was made from."""


def essence(scene: Scene, config: ServiceConfig, own: Sequence[Override], source: str) -> Essence | None:
    """Return what the report on a service is made from; None if time alone changes what it says.

    That is so where something ends or becomes safe by itself (the orders, `own`), where a voter's ballots do not
    count for a while now, and where an endpoint is known only from the last run.
    """
    if own:
        return None
    fqdn, engine = config.fqdn, scene.engine
    electorate, service, publication = engine.electorate, engine.services[fqdn], engine.publications[fqdn]
    found: list[object] = [
        source,
        round(scene.wall - scene.now, 1),  # a clock that was set moves every time of day that is told
        config,
        scene.config,
        service,
        publication,
        electorate.abstains,
        electorate.votes_on(fqdn),
        electorate.voters.of(fqdn),
        electorate.own.get(fqdn),
        scene.checks.get(fqdn),
    ]
    for node, peer in electorate.voting(fqdn):
        if not peer.counted:
            return None
        found += (node, peer.table.get(fqdn))
    endpoints, lasts = engine.endpoints, []
    for endpoint in service.endpoints:
        status = endpoints[EndpointKey(fqdn, endpoint.address)]
        if status.verdict is State.UNKNOWN:
            return None
        found += (status.verdict, status.verdict_since, status.reason, status.pending, status.divided)
        lasts.append(status.last)
    for keeper in scene.keepers(fqdn):  # what the servers were seen to serve for the name, and when
        found += (keeper.server, keeper.status.error, keeper.read_at.get(fqdn))
        found += [keeper.served.get(key) for key in publication.present]
    return Essence(lasts, found)
