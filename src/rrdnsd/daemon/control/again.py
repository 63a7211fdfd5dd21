"""Tells when a report on a service would say what the last one said, so that it need not be made again."""

from collections.abc import Iterator, Sequence

from rrdnsd.config import ServiceConfig
from rrdnsd.control.reports import ServiceReport
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.override import Override
from rrdnsd.daemon.control.scene import Scene

Essence = tuple[object, ...]
Kept = dict[str, tuple[Essence, ServiceReport]]
"""The last report on each service, and what it was made from."""


def essence(scene: Scene, config: ServiceConfig, own: Sequence[Override], source: str) -> Essence | None:
    """Return all that the report on a service is made from; None if time alone changes what it says.

    That is so where something ends or becomes safe by itself (the orders, `own`), where a voter's ballots do not
    count for a while now, and where an endpoint is known only from the last run.
    """
    fqdn, engine = config.fqdn, scene.engine
    electorate, service = engine.electorate, engine.services[fqdn]
    voting = [*electorate.voting(fqdn)]
    statuses = [engine.endpoints[EndpointKey(fqdn, endpoint.address)] for endpoint in service.endpoints]
    if own or not all(peer.counted for _, peer in voting):
        return None
    if any(status.verdict is State.UNKNOWN for status in statuses):
        return None
    found: list[object] = [
        source,
        round(scene.wall - scene.now, 1),  # a clock that was set moves every time of day that is told
        config,
        scene.config,
        service,
        engine.publications[fqdn],
        electorate.abstains,
        electorate.votes_on(fqdn),
        electorate.voters.of(fqdn),
        electorate.own.get(fqdn),
        scene.checks.get(fqdn),
    ]
    found += (part for node, peer in voting for part in (node, peer.table.get(fqdn)))
    for status in statuses:
        found += (
            status.last,
            status.verdict,
            status.verdict_since,
            status.reason,
            status.pending,
            status.divided,
        )
    found += _seen(scene, fqdn)
    return tuple(found)


def _seen(scene: Scene, fqdn: str) -> Iterator[object]:
    """Give what the servers were seen to serve for a name, and when."""
    keys = scene.engine.publications[fqdn].keys
    for keeper in scene.keepers(fqdn):
        yield keeper.server
        yield keeper.status.error
        yield keeper.read_at.get(fqdn)
        for key in keys:
            yield keeper.served.get(key)
