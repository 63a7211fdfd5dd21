"""Short ways to write down plans."""

from collections.abc import Iterable

from rrdnsd.core.model import NameChange, Plan, RRset, RRsetChange, RRsetKey


def rrset(*addresses: str, ttl: int = 60) -> RRset:
    return RRset(ttl, frozenset(addresses))


def change(name: str, before: RRset | None, after: RRset | None, rtype: str | None = None) -> RRsetChange:
    """One RRset's change; the type follows from the addresses."""
    addresses = {address for side in (before, after) if side for address in side.addresses}
    found = rtype or ("AAAA" if any(":" in address for address in addresses) else "A")
    return RRsetChange(RRsetKey(name, found), before, after)


def named(*changes: RRsetChange) -> NameChange:
    """Changes of one name."""
    return NameChange(changes[0].key.name, changes, "a test")


def plan(zone: str, changes: Iterable[NameChange]) -> Plan:
    return Plan(zone, tuple(changes))


def simple(zone: str, name: str, before: RRset | None, after: RRset | None) -> Plan:
    """A plan that changes one RRset of one name."""
    return plan(zone, [named(change(name, before, after))])
