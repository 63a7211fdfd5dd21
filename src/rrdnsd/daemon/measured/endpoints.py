"""Endpoints and services in figures."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rrdnsd.core import override
from rrdnsd.core.engine import Engine
from rrdnsd.core.model import EndpointKey, Service, State
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.status import DRAINED, is_published
from rrdnsd.daemon.measured.reading import Value, each, one
from rrdnsd.metrics import names
from rrdnsd.metrics.prometheus import Readings
from rrdnsd.metrics.tally import Probed, Tally, merged

DAY = 86_400.0
_STATES = (str(State.UP), str(State.DOWN), str(State.UNKNOWN), DRAINED)


def endpoint_readings(scene: Scene, most: int) -> Iterator[Readings]:
    """Read each endpoint, unless there are more than `most`: then none of them."""
    keys = list(scene.engine.endpoints)
    omitted = len(keys) if len(keys) > most else 0
    yield one(names.ENDPOINTS_OMITTED, omitted)
    shown = [] if omitted else keys
    yield from each(names.ENDPOINT_UP, _verdicts(scene.engine, shown))
    yield from each(names.ENDPOINT_PUBLISHED, _published(scene.engine, shown))
    yield from each(names.ENDPOINT_VERDICT, _since(scene, shown))
    yield from each(names.ENDPOINT_VOTES, _votes(scene.engine, shown))
    yield from each(names.ENDPOINT_CERTIFICATE, _certificates(scene.engine, shown))


def service_readings(scene: Scene) -> Iterator[Readings]:
    """Read each service that is watched."""
    engine = scene.engine
    services = [service for service in engine.services.values() if service.endpoints]
    yield from each(names.SERVICE_ENDPOINTS, _states(scene, services))
    yield from each(names.SERVICE_VOTER, _voted_on(engine, services))
    yield from each(names.SERVICE_PENDING, _pending(engine, services))
    yield from each(names.SERVICE_PUBLISHED, _addresses(engine, services))
    yield from each(names.SERVICE_HELD, _flags(engine, services, "held"))
    yield from each(names.SERVICE_FAIL_OPEN, _flags(engine, services, "fail_open"))
    yield from each(names.SERVICE_MAINTENANCE, _maintained(scene, services))
    yield from each(names.SERVICE_CHECK, _checked(scene, services))


def probe_readings(tally: Tally, services: Iterable[str], most: int) -> Iterator[Readings]:
    """Read what was counted of probes; the histograms of more than `most` services are added up."""
    known = {service: tally.probed.get(service) or Probed() for service in services}
    yield from each(names.PROBES, _results(known))
    if len(known) > most:
        whole = merged((probed.durations for probed in known.values()), names.PROBE_BOUNDS)
        yield Readings(names.PROBE_DURATION, [(("",), whole)])
    else:
        yield from each(
            names.PROBE_DURATION, (((name,), probed.durations) for name, probed in known.items()), size=10
        )
    counted = (((name, to), tally.changes[name, to]) for name in known for to in (State.UP, State.DOWN))
    yield from each(names.VERDICT_CHANGES, counted)


def _results(known: dict[str, Probed]) -> Iterator[Value]:
    for name, probed in known.items():
        yield (name, "success"), sum(probed.durations.counts)
        yield (name, "failure"), probed.failures


def _verdicts(engine: Engine, keys: Sequence[EndpointKey]) -> Iterator[Value]:
    for key in keys:
        status = engine.endpoints.get(key)
        if status and status.verdict is not State.UNKNOWN:
            yield key, status.verdict is State.UP


def _published(engine: Engine, keys: Sequence[EndpointKey]) -> Iterator[Value]:
    for key in keys:
        publication = engine.publications.get(key.service)
        found = is_published(publication, key.address) if publication else None
        if found is not None:
            yield key, found


def _since(scene: Scene, keys: Sequence[EndpointKey]) -> Iterator[Value]:
    for key in keys:
        status = scene.engine.endpoints.get(key)
        if status and status.verdict is not State.UNKNOWN:
            yield key, scene.at(status.verdict_since)


def _votes(engine: Engine, keys: Sequence[EndpointKey]) -> Iterator[Value]:
    if engine.electorate.size == 1:
        return
    for key in keys:
        if key in engine.endpoints:  # a service may be removed while this goes on
            counted = Counter(ballot.state for ballot in engine.electorate.ballots(key).values())
            for state in (State.UP, State.DOWN):
                yield (*key, str(state)), counted[state]


def _certificates(engine: Engine, keys: Sequence[EndpointKey]) -> Iterator[Value]:
    for key in keys:
        status = engine.endpoints.get(key)
        if status and status.last and status.last.cert_days is not None:
            yield key, status.last.cert_days * DAY


def _states(scene: Scene, services: Sequence[Service]) -> Iterator[Value]:
    endpoints, orders = scene.engine.endpoints, override.by_service(scene.engine.overrides)
    for service in services:
        own = (*orders.get("", ()), *orders.get(service.fqdn, ()))
        keys = [EndpointKey(service.fqdn, endpoint.address) for endpoint in service.endpoints]
        known = [key for key in keys if key in endpoints]
        if own:
            found = [scene.effective(key, own) for key in known]
            states = [DRAINED if effective.drained else str(effective.state) for effective in found]
        else:
            states = [str(endpoints[key].verdict) for key in known]
        for name in _STATES:
            yield (service.fqdn, name), states.count(name)


def _voted_on(engine: Engine, services: Sequence[Service]) -> Iterator[Value]:
    for service in services:
        yield (service.fqdn,), engine.electorate.votes_on(service.fqdn)


def _pending(engine: Engine, services: Sequence[Service]) -> Iterator[Value]:
    for service in services:
        keys = [EndpointKey(service.fqdn, endpoint.address) for endpoint in service.endpoints]
        found = [engine.endpoints.get(key) for key in keys]
        yield (service.fqdn,), sum(status.pending for status in found if status)


def _addresses(engine: Engine, services: Sequence[Service]) -> Iterator[Value]:
    for service in services:
        publication = engine.publications.get(service.fqdn)
        if publication:
            yield (service.fqdn,), sum(map(len, publication.present.values()))


def _flags(engine: Engine, services: Sequence[Service], name: str) -> Iterator[Value]:
    for service in services:
        publication = engine.publications.get(service.fqdn)
        if publication:
            yield (service.fqdn,), bool(getattr(publication, name))


def _checked(scene: Scene, services: Sequence[Service]) -> Iterator[Value]:
    for service in services:
        trouble = scene.checks.get(service.fqdn)
        if trouble is not None:
            yield (service.fqdn,), not trouble


def _maintained(scene: Scene, services: Sequence[Service]) -> Iterator[Value]:
    orders = [order for order in scene.engine.overrides if order.kind is override.Kind.MAINTENANCE]
    for service in services:
        yield (service.fqdn,), override.maintenance(service.fqdn, orders, scene.now) is not None
