"""Everything there is to see at one moment, service by service."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rrdnsd.config import ServiceConfig
from rrdnsd.control.reports import (
    CheckReport,
    EndpointReport,
    RememberedReport,
    ServiceReport,
    StatusReport,
    VoteReport,
)
from rrdnsd.core import override
from rrdnsd.core.model import Endpoint, EndpointKey, State
from rrdnsd.core.orders import Placed, changes
from rrdnsd.core.override import Effective, Override
from rrdnsd.core.publish import Publication
from rrdnsd.core.publishing import effective
from rrdnsd.core.watched import EndpointStatus
from rrdnsd.daemon.control.again import Kept, essence
from rrdnsd.daemon.control.ballots import votes
from rrdnsd.daemon.control.cluster import cluster_report, server_reports
from rrdnsd.daemon.control.drains import drain_report
from rrdnsd.daemon.control.figures import figures, renewed
from rrdnsd.daemon.control.scene import Scene, covering
from rrdnsd.daemon.control.served import by_all, served_reports, serving
from rrdnsd.daemon.control.standing import standing
from rrdnsd.daemon.control.words import clock, listed, span
from rrdnsd.daemon.memory import Recalled
from rrdnsd.turns import ReaderTurns

DRAINED = "drained"


def status_report(scene: Scene, only: str | None = None) -> StatusReport:
    """Report on all services, or on one."""
    report = _without_services(scene)
    report.services.extend(_service_reports(scene, only))
    return report


async def overview(scene: Scene, kept: Kept, pace: ReaderTurns) -> StatusReport:
    """Report on all services, in short turns: each service is shown as it is when it is its turn.

    `kept` has the reports of the last time: those that would be the same are shown again.
    """
    report = _without_services(scene)
    for service in _service_reports(scene, kept=kept):
        report.services.append(service)
        await pace.rest()
    for gone in kept.keys() - {service.fqdn for service in report.services}:
        del kept[gone]
    return report


def _service_reports(
    scene: Scene, only: str | None = None, kept: Kept | None = None
) -> Iterator[ServiceReport]:
    orders = scene.orders()
    placed = {fqdn for fqdn, change in changes(scene.ledger).services.items() if isinstance(change, Placed)}
    for service in scene.config.services:
        if only in (None, service.fqdn) and service.fqdn in scene.engine.services:
            source = "api" if service.fqdn in placed else "file"
            if kept is None:
                yield service_report(scene, service, orders, source=source)
            else:
                yield _again(scene, service, orders, source, kept)


def _again(
    scene: Scene, config: ServiceConfig, orders: Sequence[Override], source: str, kept: Kept
) -> ServiceReport:
    made_from = essence(scene, config, covering(orders, config.fqdn), source)
    last = kept.get(config.fqdn)
    if made_from is None:
        return service_report(scene, config, orders, source=source)
    if last is None or last[0].rest != made_from.rest:
        report = service_report(scene, config, orders, source=source)
    elif last[0].lasts != made_from.lasts:
        report = renewed(last[1], made_from.lasts)
    else:
        return last[1]
    kept[config.fqdn] = (made_from, report)
    return report


def _without_services(scene: Scene) -> StatusReport:
    return StatusReport(
        node=scene.config.local_node,
        now=round(scene.wall, 3),
        revision=scene.revision,
        mode=scene.config.mode,
        paused=paused(scene.orders(), scene.now),
        cluster=cluster_report(scene),
        services=[],
        orders=standing(scene.ledger, scene.wall),
        dns=server_reports(scene),
        warnings=list(scene.warnings),
    )


def paused(orders: Sequence[Override], now: float) -> str:
    """Say that the cluster is paused, by whom and why; "" if it is not."""
    order = override.pause(orders, now)
    return order.sentence if order else ""


def maintenance(scene: Scene, service: str, orders: Sequence[Override]) -> str:
    """Say that a service is in maintenance, until when, by whom and why; "" if it is not."""
    order = override.maintenance(service, orders, scene.now)
    if order is None:
        return ""
    until = "" if order.until is None else f" until {clock(scene.at(order.until), scene.wall)}"
    who, why = (f" by {order.who}" if order.who else ""), (f": {order.why}" if order.why else "")
    return f"maintenance{until}{who}{why}"


def service_report(
    scene: Scene, config: ServiceConfig, orders: Sequence[Override], *, source: str
) -> ServiceReport:
    """Report on one service."""
    fqdn = config.fqdn
    service, publication = scene.engine.services[fqdn], scene.engine.publications[fqdn]
    own = covering(orders, fqdn)
    endpoints = scene.engine.endpoints
    statuses = [endpoints[EndpointKey(fqdn, endpoint.address)] for endpoint in service.endpoints]
    states = {status.key.address: effective(status, own, scene.now) for status in statuses}
    ballots = votes(scene, fqdn)
    state, reason = service_state(states)
    failover = override.failover(fqdn, own, scene.now)
    sight = _Sight(scene, publication, serving(scene, publication))
    return ServiceReport(
        fqdn=fqdn,
        zone=service.zone,
        provider=service.provider,
        healthcheck=config.healthcheck,
        ttl=service.ttl,
        interval_ms=config.probe_interval_ms or scene.config.probe_interval_ms,
        state=state,
        reason=reason,
        held=publication.held,
        fail_open=publication.fail_open,
        maintenance=maintenance(scene, fqdn, own),
        failover=sorted(failover.to) if failover else [],
        desired=desired(publication),
        served=served_reports(scene, publication),
        endpoints=[
            _endpoint_report(sight, endpoint, status, states[endpoint.address], ballots[endpoint.address])
            for endpoint, status in zip(service.endpoints, statuses, strict=True)
        ],
        source=source,
        public=config.public,
        check=check_report(scene, config),
        voters=[*scene.engine.electorate.voters.of(fqdn)],
    )


def check_report(scene: Scene, config: ServiceConfig) -> CheckReport | None:
    """Say what a client of a service sees, as far as this node has looked."""
    if not config.service_check:
        return None
    trouble = scene.checks.get(config.fqdn)
    state = State.UNKNOWN if trouble is None else State.DOWN if trouble else State.UP
    return CheckReport(config.service_check, str(state), trouble or "")


def service_state(states: Mapping[str, Effective]) -> tuple[str, str]:
    """Sum up a service: up, degraded, down or unknown, and the sentence."""
    found, total = [DRAINED if s.drained else s.state for s in states.values()], len(states)
    down, unknown, up = (found.count(state) for state in (State.DOWN, State.UNKNOWN, State.UP))
    if up == total > 0:
        return "up", "all endpoints are up"
    counted = ((State.DOWN, down), (State.UNKNOWN, unknown), (State.UP, up))
    parts = [f"{count} of {total} {_are(count)} {state}" for state, count in counted if count]
    drained = total - down - unknown - up
    parts += [f"{drained} {_are(drained)} drained"] if drained else []
    if up:
        return "degraded" if down else "up", listed(parts)
    return ("unknown" if unknown or not down else "down"), listed(parts)


def desired(publication: Publication) -> dict[str, list[str]]:
    """Return the addresses that shall be served, by record type."""
    return {key.rtype: sorted(addresses) for key, addresses in publication.present.items()}


def is_published(publication: Publication, address: str) -> bool | None:
    """Tell if an address shall be in DNS; None: it is left as it is found."""
    for addresses in publication.present.values():
        if address in addresses:
            return True
    for addresses in publication.absent.values():
        if address in addresses:
            return False
    return None


@dataclass(frozen=True, slots=True)
class _Sight:
    """What all endpoints of a service share."""

    scene: Scene
    publication: Publication
    serving: Sequence[frozenset[str]]


def _endpoint_report(
    sight: _Sight,
    endpoint: Endpoint,
    status: EndpointStatus,
    effective: Effective,
    ballots: list[VoteReport],
) -> EndpointReport:
    scene, key = sight.scene, status.key
    recalled = scene.recall(key)
    latency_ms, probe, probe_ok, cert_days = figures(status.last)
    return EndpointReport(
        address=endpoint.address,
        priority=endpoint.priority,
        label=endpoint.label,
        state=DRAINED if effective.drained else str(effective.state),
        verdict=str(status.verdict),
        reason=effective.drained or effective.reason or _no_verdict(status, recalled, scene.wall),
        since=scene.at(status.verdict_since or scene.began),
        pending=status.pending,
        forced=str(effective.forced) if effective.forced else "",
        published=is_published(sight.publication, endpoint.address),
        served=by_all(sight.serving, endpoint.address),
        latency_ms=latency_ms,
        probe=probe,
        probe_ok=probe_ok,
        cert_days=cert_days,
        drain=drain_report(scene, key) if effective.drained else None,
        votes=ballots,
        remembered=remembered(recalled) if recalled else None,
    )


def remembered(recalled: Recalled) -> RememberedReport:
    """Tell what the last run knew."""
    known = recalled.known
    return RememberedReport(
        str(known.verdict), known.reason, round(known.since, 3), round(recalled.until, 3), str(known.vote)
    )


def _no_verdict(status: EndpointStatus, recalled: Recalled | None, wall: float) -> str:
    said = "the nodes are divided" if status.divided else "no verdict yet"
    if recalled is None:
        return said
    return f"{said}; {recalled.known.verdict} before the restart, {span(wall - recalled.until)} ago"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
