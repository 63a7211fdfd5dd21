"""A zone as the messages of a transfer to a secondary (RFC 5936; IXFR is answered as RFC 1995 allows, whole)."""

from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rdataset
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.SOA import SOA

from rrdnsd.providers.builtin.answer import blank, soa_rrset
from rrdnsd.providers.builtin.zone import Zone, rrsets

MESSAGE_SIZE = 16384
"""Octets per message, about: pointers reach no further (RFC 1035, section 4.1.4), so larger ones gain little."""

_TYPES = frozenset({dns.rdatatype.AXFR, dns.rdatatype.IXFR})
_RECORD_HEAD = 10
_IPV6_OCTETS = 16
_SERIAL_HALF = 2**31


def is_transfer(query: dns.message.Message) -> bool:
    """Whether the query asks for a zone transfer."""
    return len(query.question) == 1 and query.question[0].rdtype in _TYPES


def transfer(zone: Zone, query: dns.message.Message) -> Iterator[bytes]:
    """Give the messages that answer an AXFR or IXFR query over TCP, each signed if the query was (RFC 8945, 5.3.1).

    They are made one by one, so that a large zone neither fills the memory nor holds up other questions.
    """
    context = None
    for rrset_group in _groups(zone, query):
        message = blank(query)
        message.flags |= dns.flags.AA
        message.answer = rrset_group
        yield message.to_wire(max_size=65535, multi=True, tsig_ctx=context, want_shuffle=False)
        context = message.tsig_ctx


def _groups(zone: Zone, query: dns.message.Message) -> Iterator[list[dns.rrset.RRset]]:
    soa = soa_rrset(zone)
    if _is_current(zone, query):
        yield [soa]
        return
    group, size = [soa], _size(soa)
    for owner, rdataset in rrsets(zone):
        for part in _parts(owner, rdataset):
            if size + _size(part) > MESSAGE_SIZE:
                yield group
                group, size = [], 0
            group.append(part)
            size += _size(part)
    yield [*group, soa]


def _parts(owner: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> Iterator[dns.rrset.RRset]:
    rdatas = list(rdataset)
    for start in range(0, len(rdatas), 100):
        yield dns.rrset.from_rdata_list(owner, rdataset.ttl, rdatas[start : start + 100])


def _size(rrset: dns.rrset.RRset) -> int:
    """Tell how many octets the RRset takes at most."""
    rdata = len(rrset[0].to_wire() or b"") + _IPV6_OCTETS
    return len(rrset) * (len(rrset.name.to_wire() or b"") + _RECORD_HEAD + rdata)


def _is_current(zone: Zone, query: dns.message.Message) -> bool:
    """Whether the secondary that asks for IXFR has this serial, or (RFC 1982) a newer one."""
    if query.question[0].rdtype != dns.rdatatype.IXFR:
        return False
    serials = [rrset[0].serial for rrset in query.authority if rrset and isinstance(rrset[0], SOA)]
    return bool(serials) and (serials[0] - zone.serial) % 2**32 < _SERIAL_HALF
