"""What was really so at a moment, by the faults that stood: which endpoints were dead, which nodes could work."""

from dataclasses import dataclass

from soak.kinds import (
    NODES,
    SERVICES,
    blinds,
    fails_dns,
    killed_endpoints,
    parts,
    service_of,
    silences,
)


@dataclass(frozen=True, slots=True)
class Steady:
    """Nothing that concerns a service and two nodes has changed since `since`; `dead` endpoints are down all the while."""

    since: float
    dead: frozenset[str]


def steady(faults, began, service, pair, now):
    """Return since when two nodes could have kept a service right, and with what; None if they cannot at this moment."""
    since, dead = began, frozenset()
    for stood in faults:
        if stood.asked > now or not _concerns(stood.fault, service, pair):
            continue
        if stood.over <= now:
            since = max(since, stood.over)
        elif _kills(stood.fault, service) and stood.began <= now < stood.lifted:
            since = max(since, stood.began)
            dead |= _kills(stood.fault, service)
        else:
            return None
    return Steady(since, dead)


def expected(service, dead):
    """Return what is served of a service whose dead endpoints are these: more than half down, and all stay."""
    every = frozenset(SERVICES[service])
    return every if len(dead) > len(every) / 2 else every - dead


def floor(service):
    """Return how many addresses stay served whatever is down."""
    return len(SERVICES[service]) - len(SERVICES[service]) // 2


def failed_for(faults, pair, now):
    """Return for how many seconds DNS has failed one of the two, at the most, until now."""
    return sum(
        min(stood.over, now) - stood.asked
        for stood in faults
        if stood.asked <= now and any(fails_dns(stood.fault, node) for node in pair)
    )


def stalled(faults, since, until):
    """Return for how many seconds this machine stood still meanwhile."""
    return sum(s.over - s.asked for s in faults if s.fault.kind == "stall" and s.may_touch(since, until))


def blamed(faults, address, since, until):
    """Return the nodes that may have had a reason to believe an endpoint down, at any moment between the two."""
    meanwhile = [stood.fault for stood in faults if stood.may_touch(since, until)]
    if any(address in killed_endpoints(fault) or fault.kind == "stall" for fault in meanwhile):
        return frozenset(NODES)
    return frozenset(fault.target for fault in meanwhile if fault.kind == "uplink cut")


def surely_dead(faults, address, since, until):
    """Tell if an endpoint was dead for certain all the time between the two."""
    return any(address in killed_endpoints(stood.fault) and stood.covers(since, until) for stood in faults)


def may_fail_open(faults, service, since, until):
    """Tell if a quorum may have believed more than half of a service down, at any moment between the two."""
    down = [a for a in SERVICES[service] if len(blamed(faults, a, since, until)) > 1]
    return len(down) > len(SERVICES[service]) / 2


def removed_by_hand(faults, address, since, until):
    """Tell if somebody deleted this address meanwhile."""
    return any(
        stood.fault.kind == "record removed"
        and stood.fault.target == address
        and stood.may_touch(since, until)
        for stood in faults
    )


def heard_nobody(faults, node, since, until):
    """Tell if surely nothing of any peer arrived at a node between the two."""
    return all(
        any(silences(stood.fault, peer, node) and stood.covers(since, until) for stood in faults)
        for peer in NODES
        if peer != node
    )


def _concerns(fault, service, pair):
    if fault.kind == "record removed":
        return service_of(fault.target) == service
    return bool(_kills(fault, service)) or any(blinds(fault, node) for node in pair) or parts(fault, *pair)


def _kills(fault, service):
    return killed_endpoints(fault) & frozenset(SERVICES[service])
