"""The rules of publishing once more, written naively from the documentation: the oracle does not ask the engine."""

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from itertools import combinations

from rrdnsd.core.model import Endpoint, Service


def quorum(nodes: int) -> int:
    """How many of the configured nodes, or voters, make a majority."""
    return nodes // 2 + 1


def voters(service: Service, nodes: Iterable[str]) -> tuple[str, ...]:
    """Return the nodes that vote on a service: those with the largest hashes, of all that are configured."""
    hashes = {
        blake2b(f"{node}|voters {service.fqdn}".encode(), digest_size=8).digest(): node for node in nodes
    }
    ordered = [hashes[found] for found in sorted(hashes, reverse=True)]
    return tuple(ordered if service.voters is None else ordered[: service.voters])


def published(service: Service, down: Collection[str]) -> frozenset[str]:
    """Return the addresses that shall be served while exactly these are down."""
    return _published(service, down, down, fail_open=_fail_open(service, down))


def explains(
    service: Service, verdicts: Mapping[str, str], added: Collection[str], removed: Collection[str]
) -> bool:
    """Tell if these verdicts, one for each endpoint, call for a change.

    An endpoint that is not touched may be pending: the writer may see no quorum on it now. Then what is
    published must not depend on it.
    """
    others = [a for a in sorted(verdicts) if a not in added and a not in removed]
    for pending in (set(some) for count in range(len(others) + 1) for some in combinations(others, count)):
        sure = {address: verdict for address, verdict in verdicts.items() if address not in pending}
        if "unknown" in sure.values():
            continue
        down = {address for address, verdict in sure.items() if verdict == "down"}
        fail_open = _fail_open(service, down)
        best = _published(service, down, down, fail_open=fail_open)
        worst = _published(service, down | pending, down, fail_open=fail_open)
        if (best & worst).issuperset(added) and (best | worst).isdisjoint(removed):
            return True
    return False


def floor(service: Service) -> int:
    """How many endpoints stay published however many of them fail; 0 where no such promise is made."""
    tiers = {e.priority for e in service.endpoints}
    if service.fail_open_threshold is None or len(tiers) > 1:
        return 0
    return len(service.endpoints) - int(service.fail_open_threshold * len(service.endpoints))


def _fail_open(service: Service, down: Collection[str]) -> bool:
    limit = service.fail_open_threshold
    return limit is not None and len(down) > limit * len(service.endpoints)


def _published(
    service: Service, missing: Collection[str], down: Collection[str], *, fail_open: bool
) -> frozenset[str]:
    """Apply the rules of tiers while `missing` cannot be relied on, of which `down` are certainly down."""
    found: set[str] = set()
    for rtype in ("A", "AAAA"):
        members = [e for e in service.endpoints if e.rtype == rtype]
        if members:
            found |= _family(members, missing, down, service.min_up, fail_open)
    return frozenset(found)


def _family(
    members: list[Endpoint], missing: Collection[str], down: Collection[str], min_up: int, fail_open: bool
) -> set[str]:
    priorities = sorted({e.priority for e in members})
    first = {e.address for e in members if e.priority == priorities[0]}
    if fail_open and len(priorities) == 1:
        return first
    for priority in priorities:
        up = {e.address for e in members if e.priority == priority and e.address not in missing}
        if len(up) >= min_up:
            return up
    return first if fail_open else {e.address for e in members if e.address not in down} or first
