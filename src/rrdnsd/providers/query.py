"""Reads what an authoritative server serves now, RRset by RRset, and finds the names nobody can manage there."""

from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_address
from itertools import islice

import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.tsig

from rrdnsd.core.model import RRset, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers.message import Reply, Sent, read_reply, render_query
from rrdnsd.providers.plain import Plain, read_plain
from rrdnsd.providers.rcodes import Asked, explain, unsigned
from rrdnsd.providers.server import Server, first_ident

_AT_ONCE = 128  # questions on the way at a time: enough to hide the round trip, few enough for any server

Found = RRset | str | None
"""An RRset; a sentence on why the name cannot be managed; or None: there is no such RRset."""


async def fetch(server: Server, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
    """Ask the server itself, without recursion, signed where there is a key (it may choose the view).

    A CNAME at a name, a delegation above it or an answer without authority is a problem of that name.

    Raises:
        ProviderError: the server cannot be reached, refuses, or its signature is wrong.

    """
    asked = server.asked("query", zone)
    rrsets: dict[RRsetKey, RRset] = {}
    problems: dict[str, str] = {}
    for part in _parts(sorted(set(keys)), _AT_ONCE):
        ident = first_ident(len(part))
        questions = [render_query(ident + i, key) for i, key in enumerate(part)]
        for key, reply in zip(part, await server.converse(questions, _read), strict=True):
            match reply.rrset if isinstance(reply, Plain) else read_answer(asked, key, reply):
                case RRset() as rrset:
                    rrsets[key] = rrset
                case str() as problem:
                    problems[key.name] = problem
                case None:
                    pass
    return ZoneView({key: rrset for key, rrset in rrsets.items() if key.name not in problems}, problems)


def _read(wire: bytes, key: dns.tsig.Key | None, sent: Sent) -> Plain | Reply:
    return read_plain(wire, key, sent) or read_reply(wire, key, sent)


def read_answer(asked: Asked, key: RRsetKey, reply: Reply) -> Found:
    """Read one reply to a question for `key`.

    Raises:
        ProviderError: the server refuses, or the reply cannot be trusted.

    """
    if reply.rcode not in {"NOERROR", "NXDOMAIN"} or reply.tsig_error:
        raise ProviderError(explain(asked, reply.rcode, reply.tsig_error, reply.clock_ahead))
    if not reply.verified:
        raise ProviderError(unsigned(asked))
    if reply.message is None:
        raise ProviderError(f"{asked.server} answered {asked.noun} with nothing but a header")
    name = dns.name.from_text(key.name + ".")
    if not reply.message.flags & dns.flags.AA:
        return _without_authority(asked, key, reply.message)
    return _alias(asked, key, name, reply.message) or _rrset(key, name, reply.message)


def _alias(asked: Asked, key: RRsetKey, name: dns.name.Name, message: dns.message.Message) -> str | None:
    found = message.get_rrset(message.answer, name, dns.rdataclass.IN, dns.rdatatype.CNAME)
    if not found:
        return None
    target = found[0].target.to_text(omit_final_dot=True)
    return (
        f"{key.name} is a CNAME for {target} on {asked.server}: no A or AAAA can stand beside it; delete the CNAME, "
        "or manage the name it points to"
    )


def _rrset(key: RRsetKey, name: dns.name.Name, message: dns.message.Message) -> RRset | None:
    rtype = dns.rdatatype.from_text(key.rtype)
    found = message.get_rrset(message.answer, name, dns.rdataclass.IN, rtype)
    if not found:
        return None
    return RRset(found.ttl, frozenset(str(ip_address(record.address)) for record in found))


def _without_authority(asked: Asked, key: RRsetKey, message: dns.message.Message) -> str:
    cut = next((rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.NS), None)
    if cut and cut.name.is_subdomain(dns.name.from_text(asked.zone + ".")):
        child = cut.name.to_text(omit_final_dot=True)
        target = cut[0].target.to_text(omit_final_dot=True)
        return (
            f"{key.name} is delegated: {asked.server} points to {target} for the zone {child}; set the service's zone to "
            f"{child} and give that zone's server"
        )
    return (
        f"{asked.server} answers {key.name} without authority: it is not a server of {asked.zone} (a cache?); give the "
        "zone's primary in update_resolvers"
    )


def _parts(keys: Sequence[RRsetKey], size: int) -> Iterator[list[RRsetKey]]:
    rest = iter(keys)
    while part := list(islice(rest, size)):
        yield part
