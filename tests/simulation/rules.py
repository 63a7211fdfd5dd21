"""The rules of publishing once more, written naively from the documentation: the oracle does not ask the engine."""

from collections.abc import Collection, Iterable, Mapping

from rrdnsd.core.model import Endpoint, Service


def quorum(nodes: int) -> int:
    """How many of the configured nodes make a majority."""
    return nodes // 2 + 1


def published(service: Service, down: Collection[str]) -> frozenset[str]:
    """Return the addresses that shall be served while exactly these are down."""
    count = len(service.endpoints)
    limit = service.fail_open_threshold
    fail_open = limit is not None and len(down) > limit * count
    families = sorted({e.rtype for e in service.endpoints})
    return frozenset(
        e.address
        for rtype in families
        for e in _family([e for e in service.endpoints if e.rtype == rtype], down, service.min_up, fail_open)
    )


def explains(
    service: Service, verdicts: Mapping[str, str], added: Iterable[str], removed: Iterable[str]
) -> bool:
    """Tell if these verdicts, one for each endpoint, call for a change."""
    right = published(service, {address for address, verdict in verdicts.items() if verdict == "down"})
    return right.issuperset(added) and right.isdisjoint(removed)


def floor(service: Service) -> int:
    """How many endpoints stay published however many of them fail; 0 where no such promise is made."""
    tiers = {e.priority for e in service.endpoints}
    if service.fail_open_threshold is None or len(tiers) > 1:
        return 0
    return len(service.endpoints) - int(service.fail_open_threshold * len(service.endpoints))


def _family(members: list[Endpoint], down: Collection[str], min_up: int, fail_open: bool) -> list[Endpoint]:
    priorities = sorted({e.priority for e in members})
    if fail_open and len(priorities) == 1:
        return members
    first = [e for e in members if e.priority == priorities[0]]
    for priority in priorities:
        up = [e for e in members if e.priority == priority and e.address not in down]
        if len(up) >= min_up:
            return up
    return first if fail_open else [e for e in members if e.address not in down] or first
