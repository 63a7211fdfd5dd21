"""What each order that steers decisions comes to: one handler for each. They check, and change nothing."""

from collections.abc import Sequence

from rrdnsd.control import orders as o
from rrdnsd.core import orders
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.orders import Setting, key
from rrdnsd.daemon.control.drafting import (
    Draft,
    conflict,
    invalid,
    known_endpoint,
    known_service,
    not_found,
    preview,
)
from rrdnsd.daemon.control.effects import stop_at, stop_text
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.served import is_served
from rrdnsd.daemon.control.standing import is_over, sentence
from rrdnsd.daemon.control.status import is_published
from rrdnsd.daemon.control.words import clock, listed


def drain(order: o.Drain, scene: Scene) -> Draft:
    """Take an address out of one service, or out of each that has it."""
    keys = _endpoints(scene, order.service, order.address)
    settings = tuple(orders.drain(*found) for found in keys)
    new = [found for found in keys if not _stands(scene, key("drain", *found))]
    there = [found for found in new if _may_be_in_dns(scene, found)]
    effect = preview(scene, settings, why=order.why) + [
        f"{k.address} of {k.service}: {stop_text(scene, k)}" for k in there
    ]
    effect += [
        f"{k.address} is not published for {k.service} now, and stays out until the drain ends"
        for k in new
        if k not in there
    ]
    stands = "; ".join(_since(scene, key("drain", *found)) for found in keys if found not in new)
    return Draft(order.address, settings, tuple(effect), stands, tuple(keys), stop_at(scene, there))


def undrain(order: o.Undrain, scene: Scene) -> Draft:
    """End the drains of an address."""
    found = [
        entry.key
        for entry in scene.ledger
        if (parts := entry.key.split("|"))[0] == "drain"
        and parts[2] == order.address
        and order.service in (None, parts[1])
    ]
    standing = [name for name in found if _stands(scene, name)]
    if not standing:
        keys = _endpoints(scene, order.service, order.address) if not found else []
        return Draft(order.address, tuple(orders.drain(*k).lifted() for k in keys), (), "it is not drained")
    settings = tuple(Setting(name, None) for name in standing)
    effect = preview(scene, settings) or [_still_out(scene, order.address, standing)]
    return Draft(order.address, settings, tuple(effect))


def maintenance(order: o.Maintenance, scene: Scene) -> Draft:
    """Freeze a service or all of them."""
    service = known_service(scene, order.service) if order.service else ""
    until = order.until.timestamp() if order.until else None
    if until is not None and until <= scene.wall:
        raise invalid("until", f"must lie in the future; it is {clock(scene.wall, scene.wall)} here")
    setting = orders.maintenance(service, until)
    end = f"until {clock(until, scene.wall)}" if until else "until it is ended"
    effect = f"freezes the records of {service or 'all services'} {end}; probes and votes go on"
    return Draft(service or "all", (setting,), (effect,), _since(scene, setting.key))


def end_maintenance(order: o.EndMaintenance, scene: Scene) -> Draft:
    """End the maintenance of a service, or the one of all services."""
    service = order.service or ""
    setting = orders.maintenance(service, None).lifted()
    stands = _stands(scene, setting.key)
    if service and not stands:
        known_service(scene, service)
    effect = preview(scene, [setting]) or ["nothing is written differently by that"]
    return Draft(
        service or "all", (setting,) if stands else (), tuple(effect), "there is no such maintenance"
    )


def pause(_: o.Pause, scene: Scene) -> Draft:
    """Let no node write."""
    setting = orders.pause()
    effect = "no node writes DNS until the cluster is resumed; probes and votes go on"
    return Draft("cluster", (setting,), (effect,), _since(scene, setting.key))


def resume(_: o.Resume, scene: Scene) -> Draft:
    """End the pause."""
    setting = orders.pause().lifted()
    effect = ["the nodes write DNS again", *preview(scene, [setting])]
    return Draft("cluster", (setting,), tuple(effect), "the cluster is not paused")


def failover(order: o.Failover, scene: Scene) -> Draft:
    """Prefer some endpoints of a service."""
    service = known_service(scene, order.service)
    setting = orders.failover(service, _preferred(order, scene))
    effect = preview(scene, [setting], why=order.why) or ["DNS stays as it is: these are published already"]
    return Draft(service, (setting,), tuple(effect), _since(scene, setting.key))


def failback(order: o.Failback, scene: Scene) -> Draft:
    """End a failover."""
    setting = Setting(key("failover", order.service), None)
    if not _stands(scene, setting.key):
        known_service(scene, order.service)
    effect = preview(scene, [setting]) or ["DNS stays as it is: the usual order comes to the same"]
    return Draft(order.service, (setting,), tuple(effect), "there is no failover")


def force(order: o.Force, scene: Scene) -> Draft:
    """Take an endpoint for up or down."""
    found = known_endpoint(scene, order.service, order.address)
    setting = orders.force(*found, order.state)
    effect = preview(scene, [setting], why=order.why) or [
        f"DNS stays as it is; {order.address} of {order.service} counts as {order.state} whatever the probes say"
    ]
    return Draft(_named(found), (setting,), tuple(effect), _since(scene, setting.key))


def unforce(order: o.Unforce, scene: Scene) -> Draft:
    """Believe the probes again."""
    setting = Setting(key("force", order.service, order.address), None)
    if not _stands(scene, setting.key):
        known_endpoint(scene, order.service, order.address)
    effect = preview(scene, [setting]) or ["DNS stays as it is; the probes decide again"]
    target = _named(EndpointKey(order.service, order.address))
    return Draft(target, (setting,), tuple(effect), "it is not forced")


def _preferred(order: o.Failover, scene: Scene) -> list[str]:
    endpoints = scene.engine.services[order.service].endpoints
    tiers = sorted({e.priority for e in endpoints})
    if order.to and order.tier is not None:
        raise invalid("tier", "give either to or tier")
    if order.to:
        return [known_endpoint(scene, order.service, address).address for address in order.to]
    tier = order.tier
    if tier is None:
        if len(tiers) == 1:
            raise invalid("to", f"{order.service} has one tier only: name the endpoints to prefer in to")
        publication = scene.engine.publications[order.service]
        now = [e.priority for e in endpoints if is_published(publication, e.address)]
        tier = next((t for t in tiers if t > min(now, default=-1)), None)
        if tier is None:
            raise conflict(f"the last tier of {order.service} is published already: name to or tier")
    if tier not in tiers:
        raise not_found("tier", f"tier of {order.service}", str(tier), [str(t) for t in tiers])
    return [e.address for e in endpoints if e.priority == tier]


def _endpoints(scene: Scene, service: str | None, address: str) -> list[EndpointKey]:
    if service is not None:
        return [known_endpoint(scene, service, address)]
    found = [found for found in scene.engine.endpoints if found.address == address]
    if not found:
        here = sorted({k.address for k in scene.engine.endpoints})
        raise not_found("address", "address", address, here)
    return found


def _stands(scene: Scene, name: str) -> bool:
    entry = scene.ledger.get(name)
    return entry is not None and entry.value is not None and not is_over(entry, scene.wall)


def _may_be_in_dns(scene: Scene, endpoint: EndpointKey) -> bool:
    """Tell if an address is to be published, is left as it is found, or is served although it is not to be."""
    publication = scene.engine.publications[endpoint.service]
    if is_published(publication, endpoint.address) is not False:
        return True
    return is_served(scene, publication, endpoint.address) is not False


def _still_out(scene: Scene, address: str, drains: Sequence[str]) -> str:
    """Say why an address does not come back at the end of its drains."""
    services = [name.split("|")[1] for name in drains]
    watched = scene.engine.services
    if any(not service or (service in watched and watched[service].endpoints) for service in services):
        return f"{address} may be published again, but its health or the tiers keep it out for now"
    return f"the drain of {address} ends; {listed(services)} is not watched now"


def _since(scene: Scene, name: str) -> str:
    """Say that an order stands already."""
    entry = scene.ledger.get(name)
    if entry is None or entry.value is None:
        return ""
    return f"{sentence(entry)} since {clock(entry.stamp.wall_ms / 1000, scene.wall)}"


def _named(endpoint: EndpointKey) -> str:
    return f"{endpoint.address} of {endpoint.service}"
