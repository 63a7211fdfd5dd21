"""What an order would do to DNS, as sentences: the publications of before against those of after."""

from collections.abc import Iterable, Mapping

from rrdnsd.core.model import EndpointKey, RRsetKey, Service
from rrdnsd.core.publish import Publication
from rrdnsd.daemon.control.drains import kept_in
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.words import clock, listed

Publications = Mapping[str, Publication]


def dns_effects(scene: Scene, before: Publications, after: Publications) -> list[str]:
    """Say for each service what is added, what is removed and what keeps that from being written."""
    found: list[str] = []
    for fqdn, new in after.items():
        old = before.get(fqdn)
        if old is not None and not old.asks_for_the_same(new):
            found += _changes(scene.engine.services[fqdn], old, new)
    return found


def stop_at(scene: Scene, keys: Iterable[EndpointKey]) -> float | None:
    """Return when addresses that are removed now may be stopped (epoch seconds); None if that is not known yet."""
    found = [*keys]
    if not found or any(kept_in(scene, key.service) for key in found):
        return None
    return scene.wall + max(_ttl(scene, key) for key in found)


def stop_text(scene: Scene, key: EndpointKey) -> str:
    """Say when an address that is removed now may be stopped, or why that is not known yet."""
    why_not = kept_in(scene, key.service)
    if why_not:
        return f"do not stop it yet: {why_not}"
    ttl = _ttl(scene, key)
    return f"safe to stop at {clock(scene.wall + ttl, scene.wall)} (TTL {ttl} s)"


def _ttl(scene: Scene, key: EndpointKey) -> int:
    """Return the largest TTL with which a server was last seen to serve the address's record set."""
    seen = [
        rrset.ttl
        for keeper in scene.keepers(key.service)
        for rrset_key, rrset in keeper.served.items()
        if rrset_key.name == key.service and key.address in rrset.addresses
    ]
    return max((scene.engine.services[key.service].ttl, *seen))


def _changes(service: Service, old: Publication, new: Publication) -> list[str]:
    found: list[str] = []
    for key in {**old.present, **new.present}:
        had, has = _of(old, key), _of(new, key)
        found += [f"adds {listed(sorted(has - had))} to {service.fqdn}"] if has - had else []
        gone = (had - has) & new.absent.get(key, frozenset())
        found += [f"removes {listed(sorted(gone))} from {service.fqdn}"] if gone else []
        if had and not has and gone:
            found.append(f"warning: {service.fqdn} is left without any {key.rtype} record")
        found += _standby(service, had, has)
    if new.failover != old.failover and new.failover:
        found.append(f"{service.fqdn}: {new.failover}")
    if new.held and (found or new.held != old.held):
        found.append(f"{service.fqdn}: nothing is written: {new.held}")
    elif old.held and not new.held:
        found.append(f"{service.fqdn} is written again")
    return found


def _standby(service: Service, had: frozenset[str], has: frozenset[str]) -> list[str]:
    tiers = {endpoint.address: endpoint.priority for endpoint in service.endpoints}
    before = {tiers[a] for a in had if a in tiers}
    after = {tiers[a] for a in has if a in tiers}
    if not before or not after or before == after:
        return []
    return [
        f"warning: the tier of priority {min(after)} of {service.fqdn} takes over from that of {min(before)}"
    ]


def _of(publication: Publication, key: RRsetKey) -> frozenset[str]:
    return publication.present.get(key, frozenset())
