"""Desired against existing: the plan for one zone on one server, and the guard that may refuse parts of it.

Only configured addresses are ever added or removed; an address that no configuration names is foreign and
stays. Planning against what a plan has produced gives an empty plan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rrdnsd.core.model import NameChange, Plan, RRset, RRsetChange, RRsetKey, ZoneView
from rrdnsd.core.publish import Publication

SMALL_ZONE = 10
"""Below so many configured addresses the fail-open rule alone protects a zone (octoDNS uses the same bound)."""


@dataclass(frozen=True, slots=True)
class RemovalLimit:
    """Health may take away at most this share of a zone's configured addresses within `window` seconds."""

    share: float = 0.5
    window: float = 60.0


@dataclass(frozen=True, slots=True)
class Guarded:
    """A plan after the guard: what may go out, and the sentence of the alarm if something was refused."""

    plan: Plan
    alarm: str = ""


def plan(
    zone: str,
    publications: Iterable[Publication],
    view: ZoneView,
    tolerated: Mapping[RRsetKey, int] | None = None,
) -> Plan:
    """Return what must change on a server that serves `view`.

    `tolerated` holds TTLs that the server serves although another was written to it: asking again would
    never end, so they are accepted.
    """
    changes = []
    for asked in publications:
        if asked.held or asked.service in view.problems:
            continue
        publication = _above_floor(asked, view)
        rrsets = tuple(
            change
            for key in publication.keys
            if (change := _rrset_change(publication, key, view.rrsets.get(key), (tolerated or {}).get(key)))
        )
        if rrsets:
            changes.append(NameChange(publication.service, rrsets, _sentence(publication, rrsets)))
    return Plan(zone, tuple(changes))


def additions(proposed: Plan, publications: Mapping[str, Publication]) -> Plan:
    """Return the part of a plan that only adds addresses: nothing is taken away before the rest is served."""
    changes = []
    for change in proposed.changes:
        rrsets = tuple(
            RRsetChange(rrset.key, rrset.before, RRset(rrset.after.ttl, rrset.after.addresses | kept))
            for rrset in change.rrsets
            if rrset.after and rrset.adds
            for kept in [rrset.before.addresses if rrset.before else frozenset[str]()]
        )
        if rrsets:
            changes.append(NameChange(change.name, rrsets, _sentence(publications[change.name], rrsets)))
    return Plan(proposed.zone, tuple(changes))


def foreign(publication: Publication, view: ZoneView) -> frozenset[str]:
    """Return the addresses served under this name that no configuration names."""
    return frozenset(
        address
        for key in publication.keys
        if (rrset := view.rrsets.get(key))
        for address in rrset.addresses - publication.reasons.keys()
    )


def guard(
    proposed: Plan,
    publications: Mapping[str, Publication],
    lost_at: Mapping[tuple[str, str], float],
    limit: RemovalLimit | None,
    now: float,
) -> Guarded:
    """Refuse the removals of a plan with which health would take away too much of a zone at once.

    `lost_at` tells when health took away each (name, address) that is still absent. Additions, operators' orders
    and changes of the preferred tier always pass.
    """
    total = sum(len(p.reasons) - len(p.withdrawn) for p in publications.values())
    if limit is None or total < SMALL_ZONE:
        return Guarded(proposed)
    losing = {
        change.name: [a for rrset in change.rrsets for a in rrset.removes & publications[change.name].down]
        for change in proposed.changes
    }
    recent = {
        (name, address)
        for (name, address), at in lost_at.items()
        if now - at < limit.window and not (name in publications and address in publications[name].drained)
    }
    lost = recent | {(name, address) for name, addresses in losing.items() for address in addresses}
    if len(lost) <= limit.share * total:
        return Guarded(proposed)
    kept = tuple(change for change in proposed.changes if not losing[change.name])
    alarm = (
        f"refused to remove {sum(map(len, losing.values()))} addresses from {proposed.zone}: health would have "
        f"taken away {len(lost)} of {total} within {limit.window:g} s, more than max_removals allows ({limit.share:.0%})"
    )
    return Guarded(Plan(proposed.zone, kept), alarm)


def _above_floor(publication: Publication, view: ZoneView) -> Publication:
    """Remove nothing for its health where less than the fail-open floor would be left.

    By its own count a node stays above it. But an endpoint on which there is no quorum now may be out of
    DNS already, by another node's doing.
    """
    wanted = [_wanted(publication, key, view.rrsets.get(key)) for key in publication.keys]
    if sum(len(addresses & publication.reasons.keys()) for addresses in wanted) >= publication.floor:
        return publication
    kept = {key: addresses & publication.drained for key, addresses in publication.absent.items()}
    return replace(publication, absent=kept)


def _wanted(publication: Publication, key: RRsetKey, existing: RRset | None) -> frozenset[str]:
    served = existing.addresses if existing else frozenset()
    return (served - publication.absent[key]) | publication.present[key]


def _rrset_change(
    publication: Publication, key: RRsetKey, existing: RRset | None, tolerated_ttl: int | None
) -> RRsetChange | None:
    served = existing.addresses if existing else frozenset()
    wanted = _wanted(publication, key, existing)
    if not wanted and not served <= publication.drained:
        return None  # the floor: only an operator's drain may empty an RRset
    ttl_is_right = (
        existing is None
        or existing.ttl in (publication.ttl, tolerated_ttl)
        or not wanted & publication.present[key]
    )
    if wanted == served and ttl_is_right:
        return None
    ours = wanted & publication.present[key]
    ttl = publication.ttl if ours or existing is None else existing.ttl
    return RRsetChange(key, existing, RRset(ttl, wanted) if wanted else None)


def _sentence(publication: Publication, rrsets: tuple[RRsetChange, ...]) -> str:
    parts = []
    for change in rrsets:
        parts += [f"add {a} ({publication.reasons.get(a, '')})" for a in sorted(change.adds)]
        parts += [f"remove {a} ({_cause(publication, a)})" for a in sorted(change.removes)]
        if not change.adds and not change.removes and change.before:
            parts.append(
                f"set the TTL of {change.key.rtype} to {publication.ttl} (it was {change.before.ttl})"
            )
    return "; ".join(parts)


def _cause(publication: Publication, address: str) -> str:
    reason = publication.reasons.get(address, "")
    if publication.failover and address not in publication.drained | publication.down:
        return f"{publication.failover}; it is {reason}"
    return reason
