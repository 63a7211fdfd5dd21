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


def confirm(confirmed: dict[str, float], ledger: Ledger, now: float, *, everywhere: bool) -> None:
    """Note since when each drain is known to every node; `everywhere` tells if all have the same ledger now."""
    standing = {entry.key for entry in ledger if entry.value is not None and entry.key.startswith("drain|")}
    for key in _without(confirmed, standing):
        del confirmed[key]
    if everywhere:
        for key in standing:
            confirmed.setdefault(key, now)


def _without(confirmed: Iterable[str], standing: set[str]) -> list[str]:
    return [key for key in confirmed if key not in standing]


def _what_for(scene: Scene, keeper: ZoneKeeper, key: EndpointKey) -> str:
    publication = scene.engine.publications[key.service]
    still = "still serves it" if key.service in keeper.read_at else "was not read yet"
    said = f"{keeper.server} {still}"
    if publication.held:
        return f"{said}, and nothing is written: {publication.held}"
    if keeper.status.error:
        return f"{said}: {keeper.status.error}"
    if scene.config.mode == "shadow":
        return f"{said}, and mode shadow writes nothing"
    first = next(iter(scene.writers(key.service)), "")
    return said if first == scene.config.local_node else f"{said}; {first} writes first"
