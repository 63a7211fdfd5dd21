"""What DNS says of a name now: the zone that holds it, and its addresses."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype

from rrdnsd.config.names import is_within
from rrdnsd.core.model import RRset, RRsetKey, RRType
from rrdnsd.errors import ProviderError
from rrdnsd.providers import query
from rrdnsd.providers.rcodes import explain, unsigned
from rrdnsd.providers.server import Server, first_ident

_LIFETIME = 3.0
_FAMILIES: tuple[RRType, ...] = ("A", "AAAA")


@dataclass(frozen=True, slots=True)
class Served:
    """The addresses of a name in DNS, IPv4 first, and the TTL of each type; `problem`: why it cannot be managed."""

    name: str
    addresses: tuple[str, ...] = ()
    ttls: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    @property
    def ttl(self) -> int | None:
        """The least TTL."""
        return min(self.ttls.values(), default=None)


async def find_zone(server: Server | None, name: str) -> str:
    """Ask for the SOA of a name, and of the names above it, until the zone is known.

    Without a server the system's resolver is asked.

    Raises:
        ProviderError: the server cannot be reached, refuses, or serves no zone that holds the name.

    """
    if server is None:
        return await _zone_by_resolver(name)
    labels = name.split(".")
    for number in range(len(labels)):
        zone = await _soa(server, ".".join(labels[number:]))
        if zone and is_within(name, zone):
            return zone
    raise ProviderError(f"{server.resolver} serves no zone that holds {name}: give its primary")


async def served(server: Server | None, zone: str, names: Sequence[str]) -> list[Served]:
    """Look the addresses of names up, at the server itself or, without one, by the system's resolver.

    Raises:
        ProviderError: they cannot be looked up.

    """
    if server is None:
        return [await _by_resolver(name) for name in names]
    keys = [RRsetKey(name, rtype) for name in names for rtype in _FAMILIES]
    view = await query.fetch(server, zone, keys)
    found = []
    for name in names:
        rrsets = {rtype: view.rrsets.get(RRsetKey(name, rtype)) for rtype in _FAMILIES}
        there = {rtype: rrset for rtype, rrset in rrsets.items() if rrset}
        found.append(_served(name, there, view.problems.get(name, "")))
    return found


def _served(name: str, rrsets: Mapping[RRType, RRset], problem: str = "") -> Served:
    addresses = tuple(address for rrset in rrsets.values() for address in sorted(rrset.addresses))
    return Served(name, addresses, {rtype: rrset.ttl for rtype, rrset in rrsets.items()}, problem)


async def _soa(server: Server, name: str) -> str | None:
    """Return the owner of the SOA in the answer, wherever it stands there."""
    asked = server.asked("query", name)
    message = dns.message.make_query(name + ".", "SOA", flags=0, id=first_ident(1))
    (reply,) = await server.ask([message.to_wire()])
    if reply.rcode not in {"NOERROR", "NXDOMAIN"} or reply.tsig_error:
        raise ProviderError(explain(asked, reply.rcode, reply.tsig_error, reply.clock_ahead))
    if not reply.verified:
        raise ProviderError(unsigned(asked))
    answer = reply.message
    if answer is None or not answer.flags & dns.flags.AA:
        raise ProviderError(
            f"{server.resolver} answers {name} without authority: it is no server of its zone; give the zone's primary"
        )
    for rrset in (*answer.answer, *answer.authority):
        if rrset.rdtype == dns.rdatatype.SOA:
            return rrset.name.to_text(omit_final_dot=True).lower()
    return None


def _resolver() -> dns.asyncresolver.Resolver:
    try:
        return dns.asyncresolver.Resolver()
    except (dns.exception.DNSException, OSError):
        raise ProviderError("this machine has no resolver (/etc/resolv.conf) to look names up with") from None


async def _zone_by_resolver(name: str) -> str:
    resolver = _resolver()
    try:
        async with asyncio.timeout(_LIFETIME):
            found = await dns.asyncresolver.zone_for_name(name + ".", resolver=resolver)
    except (dns.exception.DNSException, OSError, TimeoutError):
        raise ProviderError(f"this machine's resolver does not find the zone of {name}") from None
    return found.to_text(omit_final_dot=True).lower()


async def _by_resolver(name: str) -> Served:
    resolver = _resolver()
    rrsets: dict[RRType, RRset] = {}
    for rtype in _FAMILIES:
        with contextlib.suppress(dns.exception.DNSException, OSError):
            answer = await resolver.resolve(name + ".", rtype, lifetime=_LIFETIME, search=False)
            if answer.rrset:
                rrsets[rtype] = RRset(answer.rrset.ttl, frozenset(rdata.address for rdata in answer))
    return _served(name, rrsets)
