"""Single records, as most vendors keep them, against RRsets: what is served, and the steps of a change."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal

from rrdnsd.core.model import NameChange, RRset, RRsetChange, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError

STANDINS = frozenset({"CNAME", "ALIAS", "ANAME", "LUA"})
"""Types that answer for A and AAAA themselves: nobody can manage addresses beside them."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a vendor. `ident` is the vendor's; names are lower case without the last dot."""

    ident: str
    name: str
    rtype: str
    content: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Step:
    """One request that changes one record."""

    action: Literal["add", "retag", "remove"]
    record: Record


def above(name: str, zone: str) -> Iterator[str]:
    """Give the names from this one up to the zone, without the zone's own."""
    while name != zone and name.endswith("." + zone):
        yield name
        name = name.partition(".")[2]


def view_of(vendor: str, zone: str, records: Iterable[Record], keys: Collection[RRsetKey]) -> ZoneView:
    """Tell what is served under these keys, by all records of the zone or at least of these names.

    Where records of one RRset have several TTLs, the longest counts: so long a resolver may keep it.

    Raises:
        ProviderError: an address is none.

    """
    by_name: dict[str, list[Record]] = {}
    for record in records:
        by_name.setdefault(record.name, []).append(record)
    problems = {
        name: problem
        for name in {key.name for key in keys}
        if (problem := _problem(vendor, zone, name, by_name))
    }
    rrsets: dict[RRsetKey, RRset] = {}
    for key in keys:
        found = [record for record in by_name.get(key.name, ()) if record.rtype == key.rtype]
        if found and key.name not in problems:
            addresses = frozenset(address_of(vendor, record) for record in found)
            rrsets[key] = RRset(max(record.ttl for record in found), addresses)
    return ZoneView(rrsets, problems)


def address_of(vendor: str, record: Record) -> str:
    """Give the address in canonical form. Raises ProviderError where the record holds none."""
    try:
        if record.rtype == "A":
            return str(IPv4Address(record.content.strip()))
        return str(IPv6Address(record.content.strip()))
    except AddressValueError:
        raise ProviderError(
            f"{vendor} lists a record of type {record.rtype} at {record.name} that holds no address"
        ) from None


def steps(vendor: str, change: NameChange, records: Sequence[Record], least_ttl: int = 0) -> list[Step]:
    """Give the requests that carry the change out, in an order in which no healthy address is ever missing.

    First everything is added, of both families; then TTLs are set; what shall go is removed last. A record
    that stands there twice is removed once. `least_ttl` is the shortest TTL that the vendor takes.
    """
    made = [step for rrset in change.rrsets for step in _rrset_steps(vendor, rrset, records, least_ttl)]
    return sorted(made, key=lambda step: _ORDER.index(step.action))


_ORDER = ("add", "retag", "remove")


def _rrset_steps(
    vendor: str, change: RRsetChange, records: Sequence[Record], least_ttl: int
) -> Iterator[Step]:
    wanted = change.after.addresses if change.after else frozenset()
    ttl = max(change.after.ttl, least_ttl) if change.after else 0
    seen: set[str] = set()
    for record in records:
        if (record.name, record.rtype) != change.key:
            continue
        address = address_of(vendor, record)
        if address not in wanted or address in seen:
            yield Step("remove", record)
        elif record.ttl != ttl:
            yield Step("retag", replace(record, ttl=ttl))
        seen.add(address)
    for address in sorted(wanted - seen):
        yield Step("add", Record("", change.key.name, change.key.rtype, address, ttl))


def _problem(vendor: str, zone: str, name: str, by_name: dict[str, list[Record]]) -> str:
    for record in by_name.get(name, ()):
        if record.rtype in STANDINS:
            return (
                f"{name} has a {record.rtype} record at {vendor}: no address can stand beside it; delete it, or "
                "manage the name it points to"
            )
    for cut in above(name, zone):
        if any(record.rtype == "NS" for record in by_name.get(cut, ())):
            return f"{name} is delegated: {vendor} has NS records at {cut}; manage it in that zone, where it is served"
    return ""
