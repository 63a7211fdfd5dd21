"""From the records of a zone to what is worth watching, and what is left out and why. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rrdnsd.config.addresses import endpoint_address
from rrdnsd.config.names import domain_name, is_within

KEPT = frozenset({"A", "AAAA", "CNAME", "NS", "MX"})
"""The types of records that matter here."""


class Record(NamedTuple):
    """One record; `name` and a `value` that is a name are in lower case, without the trailing dot."""

    name: str
    rtype: str
    ttl: int
    value: str


class LeftOut(NamedTuple):
    """A name with addresses, or a CNAME, that is not proposed, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name with two or more addresses, IPv4 first. `takes_mail`: an MX record names it."""

    name: str
    zone: str
    addresses: tuple[str, ...]
    ttl: int
    takes_mail: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a zone holds, sorted out."""

    candidates: tuple[Candidate, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(slots=True)
class _Name:
    """What is at one name."""

    addresses: dict[str, None] = field(default_factory=dict)
    ttls: dict[str, int] = field(default_factory=dict)
    alias: str = ""


def sort_out(zone: str, records: Iterable[Record]) -> Sorted:
    """Find the names of a zone whose A and AAAA records hold two or more addresses together."""
    names: dict[str, _Name] = {}
    servers: set[str] = set()
    children: set[str] = set()
    mail: set[str] = set()
    for record in records:
        match record.rtype:
            case "A" | "AAAA":
                found = names.setdefault(record.name, _Name())
                found.addresses[record.value] = None
                found.ttls[record.rtype] = record.ttl
            case "CNAME":
                names.setdefault(record.name, _Name()).alias = record.value
            case "NS":
                servers.add(record.value)
                if record.name != zone:
                    children.add(record.name)
            case "MX":
                mail.add(record.value)
    judged = [
        _judged(zone, name, found, _around(name, zone, children, servers), takes_mail=name in mail)
        for name, found in sorted(names.items())
    ]
    return collected(judged)


def collected(judged: Iterable[Candidate | LeftOut]) -> Sorted:
    """Keep what is proposed and what is not apart."""
    together = list(judged)
    return Sorted(
        tuple(one for one in together if isinstance(one, Candidate)),
        tuple(one for one in together if isinstance(one, LeftOut)),
    )


def candidate(
    zone: str, name: str, addresses: Sequence[str], ttls: Mapping[str, int], *, takes_mail: bool = False
) -> Candidate | LeftOut:
    """Propose a name, or say why not."""
    if not addresses:
        return LeftOut(name, "has no A or AAAA record")
    if len(addresses) == 1:
        return LeftOut(name, "has one address only")
    try:
        domain_name(name)
        canonical = tuple(endpoint_address(address) for address in addresses)
    except ValueError as error:
        return LeftOut(name, f"cannot be watched: {error}")
    ttl = min(ttls.values())
    remarks = (
        ()
        if len({*ttls.values()}) == 1
        else (f"its A and AAAA records have different TTLs: {ttl} s for both",)
    )
    ordered = tuple(sorted(canonical, key=lambda address: ":" in address))
    return Candidate(name, zone, ordered, ttl, takes_mail, remarks)


def _around(name: str, zone: str, children: set[str], servers: set[str]) -> str:
    """Say what the zone's own structure has against a name."""
    labels = name.removesuffix(zone).rstrip(".").split(".")
    above = (".".join((*labels[number:], zone)) for number in range(len(labels)))
    child = next((one for one in above if one in children), None)
    if child:
        return f"belongs to {child}, which is delegated"
    return "is a name server: its addresses must not depend on health" if name in servers else ""


def _judged(zone: str, name: str, found: _Name, against: str, *, takes_mail: bool) -> Candidate | LeftOut:
    if name.startswith("*"):
        return LeftOut(name, "is a wildcard")
    if not is_within(name, zone):
        return LeftOut(name, f"is outside the zone {zone}")
    if against:
        return LeftOut(name, against)
    if found.alias:
        return LeftOut(name, "is a CNAME")
    return candidate(zone, name, [*found.addresses], found.ttls, takes_mail=takes_mail)
