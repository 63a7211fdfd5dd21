"""A zone as it is served: an immutable value, so that an answer or a transfer never sees half of a change.

Each change makes the next value; it costs a copy of a few dictionaries and the records of the names that
changed, not of the whole zone.
"""

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import cast

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
from dns.rdtypes.ANY.NS import NS
from dns.rdtypes.ANY.SOA import SOA

from rrdnsd.core.model import RRset, RRsetKey, RRType
from rrdnsd.providers.builtin.edition import digest_text, entry

Node = Mapping[dns.rdatatype.RdataType, dns.rdataset.Rdataset]
"""What exists at one name; empty for an empty non-terminal (RFC 4592, 2.2.2)."""

APEX_TTL = 3600

_RTYPES: tuple[RRType, ...] = ("A", "AAAA")


class Absence(Enum):
    """Why nothing can be said of a name: it does not exist, or nobody has decided yet what it holds."""

    NO_SUCH_NAME = auto()
    NOT_DECIDED = auto()


@dataclass(frozen=True, slots=True)
class Settings:
    """What all zones say of themselves; times in seconds (RFC 1035, 3.3.13; RFC 2308, 4).

    Without `ns` a zone's name server is `ns.<zone>`. `addresses` are published for name servers whose names lie
    inside the zone. `hostmaster` is a domain name; None means `hostmaster.<zone>`.
    """

    ns: tuple[str, ...] = ()
    hostmaster: str | None = None
    refresh: int = 300
    retry: int = 60
    expire: int = 1_209_600
    negative_ttl: int = 60
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone. `records` is what rrdnsd manages, `glue` the addresses of name servers inside the zone.

    `nodes` holds every name that exists. `pending` are managed names that were never decided; they are not
    denied. `withdrawn` are managed names that were removed on purpose; they are. `below` counts the existing
    and pending names under a name.

    A zone is `published` once anything was, and `complete` once nothing of what it was first to hold is
    pending. Only a complete zone is given to secondaries: they would deny the pending names. `content` is the
    running sum of what `records` hold.
    """

    name: str
    origin: dns.name.Name
    soa: SOA
    ns: dns.rdataset.Rdataset
    glue: Mapping[RRsetKey, RRset]
    records: Mapping[RRsetKey, RRset] = field(default_factory=dict)
    nodes: Mapping[dns.name.Name, Node] = field(default_factory=dict)
    below: Mapping[dns.name.Name, int] = field(default_factory=dict)
    pending: frozenset[dns.name.Name] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    published: bool = False
    complete: bool = False
    content: int = 0

    @property
    def serial(self) -> int:
        """The serial of the SOA; 0 before the zone is published."""
        return self.soa.serial

    @property
    def digest(self) -> str:
        """The digest of `records`: the same on every node that publishes the same."""
        return digest_text(self.content)


def absolute(name: str) -> dns.name.Name:
    """Turn a name of the core (lower case, no trailing dot) into dnspython's."""
    return dns.name.from_text(name)


def unpublished(name: str, settings: Settings, names: Collection[str] = ()) -> Zone:
    """Make a zone of which nothing is known but the names that it will hold: every question must wait."""
    origin = absolute(name)
    servers = settings.ns or (f"ns.{name}",)
    hosts = [absolute(server) for server in servers]
    timers = (settings.refresh, settings.retry, settings.expire, settings.negative_ttl)
    soa = SOA(  # type: ignore[no-untyped-call]  # dnspython left it untyped
        dns.rdataclass.IN,
        dns.rdatatype.SOA,
        hosts[0],
        absolute(settings.hostmaster or f"hostmaster.{name}"),
        0,
        *timers,
    )
    ns = dns.rdataset.from_text_list("IN", "NS", APEX_TTL, [host.to_text() for host in hosts])
    inside = [server for server in servers if absolute(server).is_subdomain(origin)]
    return expecting(Zone(name, origin, soa, ns, _glue(inside, settings.addresses)), names)


def served(zone: Zone, key: RRsetKey) -> RRset | None:
    """Tell what the zone serves for the key; None for an RRset that does not exist."""
    return zone.records.get(key) or zone.glue.get(key)


def changed(zone: Zone, changes: Mapping[RRsetKey, RRset | None], serial: int) -> Zone:
    """Make the zone with these RRsets replaced and with this serial; it is published from now on."""
    records, content = dict(zone.records), zone.content
    for key, rrset in changes.items():
        before = records.pop(key, None)
        content -= entry(key, before) if before else 0
        if rrset is not None:
            records[key] = rrset
            content += entry(key, rrset)
    decided = {key.name for key in changes}
    alive = {name for name in decided if any(RRsetKey(name, rtype) in records for rtype in _RTYPES)}
    pending = zone.pending - {absolute(name) for name in decided}
    new = replace(
        zone,
        soa=_soa(zone, serial),
        records=records,
        pending=pending,
        withdrawn=(zone.withdrawn | decided) - alive,
        published=True,
        complete=zone.complete or not pending,
        content=content,
    )
    touched = decided if zone.published else decided | {key.name for key in zone.glue}
    return _settled(zone, new, {*map(absolute, touched), zone.origin})


def numbered(zone: Zone, serial: int) -> Zone:
    """Make the same zone with another serial."""
    return _settled(zone, replace(zone, soa=_soa(zone, serial)), {zone.origin})


def expecting(zone: Zone, names: Collection[str]) -> Zone:
    """Make the zone that will hold these names too: those it does not know are pending."""
    held = {key.name for key in zone.records} | zone.withdrawn
    new = zone.pending.union(absolute(name) for name in names if name not in held)
    return _settled(zone, replace(zone, pending=new), new - zone.pending)


def released(zone: Zone, names: Collection[str]) -> Zone:
    """Make the zone that no longer waits for these names: those nobody decided are denied."""
    gone = zone.pending & {absolute(name) for name in names}
    pending = zone.pending - gone
    complete = zone.complete or (zone.published and not pending)
    return _settled(zone, replace(zone, pending=pending, complete=complete), gone)


def find(zone: Zone, qname: dns.name.Name) -> Node | Absence:
    """Look the name up, empty non-terminals included (RFC 4592, section 2.2.2)."""
    if not zone.published:
        return Absence.NOT_DECIDED
    if qname in zone.nodes:
        return zone.nodes[qname]
    if qname in zone.pending:
        return Absence.NOT_DECIDED
    return {} if qname in zone.below else Absence.NO_SUCH_NAME


def homeless_servers(zone: Zone) -> list[str]:
    """List the zone's name servers that lie inside it without an address of their own."""
    addressed = {key.name for key in (*zone.glue, *zone.records)}
    targets = [server.target for server in zone.ns if isinstance(server, NS)]
    inside = [target.to_text(omit_final_dot=True) for target in targets if target.is_subdomain(zone.origin)]
    return [name for name in inside if name not in addressed]


def rrsets(zone: Zone) -> Iterator[tuple[dns.name.Name, dns.rdataset.Rdataset]]:
    """Give every RRset of the zone but its SOA, those of the apex first."""
    yield zone.origin, zone.ns
    for owner, node in zone.nodes.items():
        for rdataset in node.values():
            if rdataset.rdtype not in {dns.rdatatype.SOA, dns.rdatatype.NS}:
                yield owner, rdataset


def _soa(zone: Zone, serial: int) -> SOA:
    return cast("SOA", zone.soa.replace(serial=serial))


def _glue(hosts: Collection[str], addresses: Collection[str]) -> Mapping[RRsetKey, RRset]:
    v6 = frozenset(address for address in addresses if ":" in address)
    families: dict[RRType, frozenset[str]] = {"A": frozenset(addresses) - v6, "AAAA": v6}
    return {
        RRsetKey(host, rtype): RRset(APEX_TTL, some)
        for host in hosts
        for rtype, some in families.items()
        if some
    }


def _settled(old: Zone, new: Zone, owners: Collection[dns.name.Name]) -> Zone:
    """Bring the look-up tables of the changed names in line with records, glue and pending."""
    nodes, below = dict(old.nodes), dict(old.below)
    for owner in owners:
        node = _node(new, owner) if new.published else {}
        nodes[owner] = node
        if not node:
            del nodes[owner]
        step = _occupied(owner, nodes, new) - _occupied(owner, old.nodes, old)
        _count(below, new.origin, owner, step)
    return replace(new, nodes=nodes, below=below)


def _occupied(owner: dns.name.Name, nodes: Mapping[dns.name.Name, Node], zone: Zone) -> bool:
    return owner in nodes or owner in zone.pending


def _count(below: dict[dns.name.Name, int], origin: dns.name.Name, owner: dns.name.Name, step: int) -> None:
    while step and owner != origin:
        owner = owner.parent()
        below[owner] = below.get(owner, 0) + step
        if not below[owner]:
            del below[owner]


def _node(zone: Zone, owner: dns.name.Name) -> Node:
    node: dict[dns.rdatatype.RdataType, dns.rdataset.Rdataset] = {}
    if owner == zone.origin:
        node[dns.rdatatype.SOA] = dns.rdataset.from_rdata(APEX_TTL, zone.soa)
        node[dns.rdatatype.NS] = zone.ns
    name = owner.to_text(omit_final_dot=True)
    for rtype in _RTYPES:
        rrset = served(zone, RRsetKey(name, rtype))
        if rrset:
            rdataset = _rdataset(rtype, rrset)
            node[rdataset.rdtype] = rdataset
    return node


def _rdataset(rtype: RRType, rrset: RRset) -> dns.rdataset.Rdataset:
    number = dns.rdatatype.from_text(rtype)
    packed = [ipaddress.ip_address(address).packed for address in sorted(rrset.addresses)]
    rdatas = [dns.rdata.from_wire(dns.rdataclass.IN, number, wire, 0, len(wire)) for wire in packed]
    return dns.rdataset.from_rdata_list(rrset.ttl, rdatas)
