"""What must hold, whatever goes wrong. Each rule reads the record of one storm and its calm, and returns what broke it."""

import itertools
from dataclasses import dataclass

from soak import bounds, truth
from soak.kinds import NODES, PAIRS, SERVICES


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken, when, and how."""

    at: float
    rule: str
    how: str


def check(cycle):
    """Return what was broken, by time; of each rule and service only the first."""
    found = [violation for rule in RULES for violation in rule(cycle)]
    return sorted(found, key=lambda violation: violation.at)


def never_empty(cycle):
    """No name is ever served without an address."""
    for service in SERVICES:
        for look in cycle.looks:
            if look.served[service] is not None and not look.served[service]:
                yield Violation(look.at, "never empty", f"{service} is served without any address")
                break


def foreign_stays(cycle):
    """What no configuration names stays, and nothing appears that no configuration names."""
    for look in cycle.looks:
        strange = [
            a for name, served in look.served.items() for a in (served or frozenset()) - {*SERVICES[name]}
        ]
        if look.foreign is False or strange:
            how = f"{', '.join(strange)} appeared" if strange else "a foreign record was touched"
            yield Violation(look.at, "foreign records stay", how)
            return


def removal_has_a_cause(cycle):
    """An address leaves DNS only if two nodes may have believed it down shortly before, or somebody deleted it."""
    for service in SERVICES:
        for before, look in _changes(cycle, service):
            for address in sorted(before.served[service] - look.served[service]):
                since = before.asked - bounds.OUTDATED - truth.stalled(cycle.faults, cycle.began, look.at)
                if truth.removed_by_hand(
                    cycle.faults, address, before.asked - bounds.UPDATE_TIMEOUT, look.at
                ):
                    continue
                blamed = truth.blamed(cycle.faults, address, since, look.at)
                if len(blamed) < 2:
                    how = (
                        f"{address} of {service} was taken out; {_of(blamed)} had a reason to believe it down"
                    )
                    yield Violation(look.at, "a removal has a cause", how)


def return_has_a_cause(cycle):
    """An address that has been dead for long comes back only with all the others, because more than half may be down."""
    for service in SERVICES:
        for before, look in _changes(cycle, service):
            since = before.asked - bounds.OUTDATED - truth.stalled(cycle.faults, cycle.began, look.at)
            if truth.may_fail_open(cycle.faults, service, since, look.at):
                continue
            for address in sorted(look.served[service] - before.served[service]):
                if truth.surely_dead(cycle.faults, address, since, look.at):
                    how = f"{address} of {service} was put back, and has been dead for {bounds.OUTDATED:g} s"
                    yield Violation(look.at, "a return has a cause", how)


def floor_is_kept(cycle):
    """However many are down, half of the endpoints stay (what somebody deleted by hand is not counted as missing)."""
    for service, addresses in SERVICES.items():
        by_hand = [
            (s.fault.target, s.asked)
            for s in cycle.faults
            if s.fault.kind == "record removed" and s.fault.target in addresses
        ]
        for look in cycle.looks:
            served = look.served[service]
            if not served:
                continue
            by_hand = [
                (address, at)
                for address, at in by_hand
                if address not in served or look.asked <= at + bounds.UPDATE_TIMEOUT
            ]
            kept = served | {address for address, at in by_hand if at <= look.at}
            if len(kept) < truth.floor(service):
                yield Violation(look.at, "the floor is kept", f"{service} has only {_listed(served)}")
                break


def converges(cycle):
    """Where two nodes can work and nothing has changed for the bound, DNS is what it should be."""
    for service in SERVICES:
        for look in cycle.looks:
            served = look.served[service]
            if served is None:
                continue
            wrong = next((how for pair in PAIRS if (how := _late(cycle, service, pair, look))), "")
            if wrong:
                yield Violation(look.at, "DNS is right within the bound", wrong)
                break


def calm_is_reached(cycle):
    """After each storm all is right within the bound, at every node."""
    if cycle.right is None and cycle.looks and cycle.looks[-1].at > cycle.deadline:
        yield Violation(
            cycle.deadline, "calm is reached", "; ".join(cycle.complaints) or "the nodes do not agree"
        )


def stillness(cycle):
    """Once all is right nothing is written any more."""
    if cycle.right is None:
        return
    after = [look for look in cycle.looks if cycle.right <= look.asked and look.at <= cycle.still_until]
    serials = [look for look in after if look.serial is not None]
    for look in serials:
        if look.serial != serials[0].serial:
            how = f"the serial went from {serials[0].serial} to {look.serial}"
            yield Violation(look.at, "nothing is written in a calm", how)
            return


def drift_is_mended(cycle):
    """What somebody changed by hand in a calm is put right, although nothing but a regular look can find it."""
    if cycle.unmended:
        yield Violation(cycle.looks[-1].at, "a change by hand is mended", cycle.unmended)


def minority_never_writes(cycle):
    """A node that has heard nobody for longer than votes count changes nothing."""
    for update in cycle.updates:
        since = update.at - bounds.ALONE - truth.stalled(cycle.faults, cycle.began, update.at)
        if truth.heard_nobody(cycle.faults, update.node, since, update.at):
            yield Violation(update.at, "a minority never writes", f"{update.node} wrote and had heard nobody")
            return


def logs_are_clean(cycle):
    """No node has a bug to tell of, nor an error that no fault explains."""
    if cycle.right is not None and cycle.complaints:
        yield Violation(cycle.right, "the logs are clean", cycle.complaints[0])


RULES = (
    never_empty,
    foreign_stays,
    removal_has_a_cause,
    return_has_a_cause,
    floor_is_kept,
    converges,
    calm_is_reached,
    stillness,
    drift_is_mended,
    minority_never_writes,
    logs_are_clean,
)


def _changes(cycle, service):
    """Return each two neighbouring answers that differ."""
    answered = [look for look in cycle.looks if look.served[service] is not None]
    return [
        (before, look)
        for before, look in itertools.pairwise(answered)
        if before.served[service] != look.served[service]
    ]


def _late(cycle, service, pair, look):
    """Say what is wrong although these two nodes have had time to mend it, "" if nothing is."""
    found = truth.steady(cycle.faults, cycle.began, service, pair, look.at)
    if not found:
        return ""
    wanted, served = truth.expected(service, found.dead), look.served[service]
    if served == wanted:
        return ""
    bound = bounds.RIGHT + bounds.backoff(truth.failed_for(cycle.faults, pair, look.at))
    bound += truth.stalled(cycle.faults, cycle.began, look.at)
    if look.asked - found.since <= bound:
        return ""
    return (
        f"{service} has {_listed(served)} instead of {_listed(wanted)}; nothing has changed for "
        f"{look.asked - found.since:.1f} s, {' and '.join(pair)} are well, the bound is {bound:.1f} s"
    )


def _listed(addresses):
    return ", ".join(sorted(addresses)) or "nothing"


def _of(nodes):
    return f"{len(nodes)} of {len(NODES)} nodes"
