"""The finish line of a drain: from when on nobody can have the address from DNS any more.

An address may be stopped once every server was seen without it, and the largest TTL it was served with has
passed since. A node that was restarted meanwhile counts from its own first look, so it errs on the late side.
"""

from collections.abc import Iterable

from rrdnsd.control.reports import DrainReport
from rrdnsd.core.ledger import Ledger
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.orders import key as order_key
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.words import listed
from rrdnsd.daemon.reconciler import ZoneKeeper

CACHES = "resolvers may still have it in their caches"
FOLLOWS = 1.0
"""Seconds that a node which knows of a drain is given to change the zone that it serves itself."""


def drain_report(scene: Scene, key: EndpointKey) -> DrainReport | None:
    """Say how far the drain of an address is; None if it is not drained."""
    found = [scene.ledger.get(order_key("drain", service, key.address)) for service in (key.service, "")]
    entries = [entry for entry in found if entry and entry.value is not None]
    if not entries:
        return None
    waiting: list[str] = []
    ends: list[float] = []
    for keeper in scene.keepers(key.service):
        gone = keeper.gone_at(*key)
        if gone is None:
            waiting.append(_what_for(scene, keeper, key))
        else:
            ends.append(gone.since + gone.ttl)
    if scene.serves_itself(key.service) and scene.engine.electorate.size > 1:
        known = [scene.confirmed[entry.key] for entry in entries if entry.key in scene.confirmed]
        ttl = scene.engine.services[key.service].ttl
        ends += [min(known) + FOLLOWS + ttl] if known else []
        waiting += [] if known else ["not every node has confirmed it, and each serves the zone itself"]
    end = max(ends, default=None) if not waiting else None
    safe = end is not None and scene.now >= end
    return DrainReport(
        since=min(entry.stamp.wall_ms for entry in entries) / 1000,
        safe_at=None if end is None else scene.at(end),
        safe=safe,
        waiting_for="; ".join(waiting) or ("" if safe else CACHES),
    )


def kept_in(scene: Scene, service: str) -> str:
    """Say why addresses of a service do not leave DNS at once when they shall; "" if nothing is in their way."""
    for keeper in scene.keepers(service):
        obstacle = _obstacle(scene, keeper, service)
        if obstacle:
            return obstacle
    roster = scene.engine.electorate.roster
    missing = [node for node, peer in roster.peers.items() if not peer.fresh(scene.now, roster.vote_ttl)]
    if missing and scene.serves_itself(service):
        return f"{listed(sorted(missing))} may go on to serve it, and cannot be told of it now"
    return ""


def confirm(confirmed: dict[str, float], ledger: Ledger, now: float, *, everywhere: bool) -> None:
    """Note since when each drain is known to every node; `everywhere` tells if all have the same ledger now."""
    standing = ledger.read(_drains)
    for key in _without(confirmed, standing):
        del confirmed[key]
    if everywhere:
        for key in standing:
            confirmed.setdefault(key, now)


def _drains(ledger: Ledger) -> frozenset[str]:
    return frozenset(
        entry.key for entry in ledger if entry.value is not None and entry.key.startswith("drain|")
    )


def _without(confirmed: Iterable[str], standing: frozenset[str]) -> list[str]:
    return [key for key in confirmed if key not in standing]


def _what_for(scene: Scene, keeper: ZoneKeeper, key: EndpointKey) -> str:
    still = "still serves it" if key.service in keeper.read_at else "was not read yet"
    said = f"{keeper.server} {still}"
    obstacle = _obstacle(scene, keeper, key.service)
    if obstacle:
        return f"{said}{': ' if obstacle == keeper.status.error else ', and '}{obstacle}"
    first = next(iter(scene.writers(key.service)), "")
    return said if first == scene.config.local_node else f"{said}; {first} writes first"


def _obstacle(scene: Scene, keeper: ZoneKeeper, service: str) -> str:
    """Say why nothing is written to a server now; "" if there is no reason."""
    held = scene.engine.publications[service].held
    if held:
        return f"nothing is written: {held}"
    return keeper.status.error or ("mode shadow writes nothing" if scene.config.mode == "shadow" else "")
