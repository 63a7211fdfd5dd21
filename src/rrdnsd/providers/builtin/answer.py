"""From a query and the zones to the response: RFC 1034 and 1035 for a server that is never recursive.

Pure: the same query, zones and turn give the same response. The cases in the order in which they are decided:
a query that makes no sense is FORMERR, an EDNS version other than 0 BADVERS (RFC 6891), a class other than IN
or a name outside all zones REFUSED, a zone or name that is not decided yet SERVFAIL with the extended error
"Not Ready" (RFC 8914), so that a resolver asks elsewhere and caches no denial. Then data, or a negative
answer with the SOA (RFC 2308). ANY gets one RRset (RFC 8482).
"""

from collections.abc import Mapping

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset

from rrdnsd.providers.builtin.zone import APEX_TTL, Absence, Node, Zone, find

Zones = Mapping[dns.name.Name, Zone]

EDNS_PAYLOAD = 1232
"""The largest UDP message sent or asked for: fits every path without fragments (DNS Flag Day 2020)."""

PLAIN_PAYLOAD = 512

_ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)
_META = range(128, 256)


def answer(query: dns.message.Message, zones: Zones, turn: int = 0) -> dns.message.Message:
    """Make the response to a query that is no zone transfer; `turn` rotates the order of the records."""
    response = blank(query)
    fault = _fault(query)
    if fault is not None:
        response.set_rcode(fault)
        return response
    question = query.question[0]
    zone = enclosing(zones, question.name)
    if zone is None or question.rdclass != dns.rdataclass.IN:
        response.set_rcode(dns.rcode.REFUSED)
        return response
    node = find(zone, question.name)
    if isinstance(node, Absence):
        _absent(response, zone, node)
    else:
        _present(response, zone, node, turn)
    return response


def blank(query: dns.message.Message, payload: int = EDNS_PAYLOAD) -> dns.message.Message:
    """Make an empty response that repeats what every response must: id, question, RD, EDNS, DO, TSIG."""
    response = dns.message.make_response(query, our_payload=payload, pad=0)
    if query.ednsflags & dns.flags.DO:
        response.want_dnssec()  # RFC 3225, section 3: the bit is copied, signed or not
    return response


def enclosing(zones: Zones, qname: dns.name.Name) -> Zone | None:
    """Find the zone with the longest origin that the name lies in."""
    while True:
        if qname in zones:
            return zones[qname]
        if len(qname) <= 1:
            return None
        qname = qname.parent()


def udp_limit(query: dns.message.Message) -> int:
    """Tell how large a UDP response may be."""
    return payload_limit(query.payload if query.edns >= 0 else None)


def payload_limit(offered: int | None) -> int:
    """Tell how large a UDP response may be to someone who offers this payload size; None without EDNS."""
    return PLAIN_PAYLOAD if offered is None else min(max(offered, PLAIN_PAYLOAD), EDNS_PAYLOAD)


def not_ready(response: dns.message.Message, sentence: str) -> None:
    """Turn the response into a SERVFAIL that says why to whoever speaks EDNS (RFC 8914, section 4.15)."""
    response.set_rcode(dns.rcode.SERVFAIL)
    if response.edns >= 0:
        option = dns.edns.EDEOption(dns.edns.EDECode.NOT_READY, sentence)
        response.use_edns(0, response.ednsflags, response.payload, response.request_payload, [option])


def soa_rrset(zone: Zone, ttl: int = APEX_TTL) -> dns.rrset.RRset:
    """Make the SOA RRset of a zone."""
    return dns.rrset.from_rdata(zone.origin, ttl, zone.soa)


def _fault(query: dns.message.Message) -> dns.rcode.Rcode | None:
    if query.edns > 0:
        return dns.rcode.BADVERS
    if len(query.question) != 1 or query.answer:
        return dns.rcode.FORMERR
    rdtype = query.question[0].rdtype
    if rdtype in {dns.rdatatype.ANY, dns.rdatatype.IXFR}:
        return None
    if rdtype in {0, dns.rdatatype.OPT, dns.rdatatype.AXFR} or query.authority:
        return dns.rcode.FORMERR  # an AXFR that comes here came over UDP: RFC 5936, section 4.2
    return dns.rcode.NOTIMP if rdtype in _META else None


def _absent(response: dns.message.Message, zone: Zone, why: Absence) -> None:
    if why is Absence.NOT_DECIDED:
        not_ready(response, "no verdict on this name yet")
        return
    response.flags |= dns.flags.AA
    response.set_rcode(dns.rcode.NXDOMAIN)
    response.authority.append(_negative_soa(zone))


def _present(response: dns.message.Message, zone: Zone, node: Node, turn: int) -> None:
    question = response.question[0]
    rdataset = _chosen(node, question.rdtype)
    if rdataset is None and question.name in zone.pending and question.rdtype in _ADDRESSES:
        not_ready(response, "no verdict on this name yet")
        return
    response.flags |= dns.flags.AA
    if rdataset is None:
        response.authority.append(_negative_soa(zone))
        return
    response.answer.append(_rotated(question.name, rdataset, turn))
    if rdataset.rdtype == dns.rdatatype.NS:
        response.additional.extend(_server_addresses(zone))


def _chosen(node: Node, rdtype: dns.rdatatype.RdataType) -> dns.rdataset.Rdataset | None:
    if rdtype == dns.rdatatype.IXFR:
        rdtype = (
            dns.rdatatype.SOA
        )  # over UDP: the serial, and who wants more asks over TCP (RFC 1995, section 2)
    if rdtype == dns.rdatatype.ANY:
        return next((node[some] for some in (*_ADDRESSES, *node) if some in node), None)
    return node.get(rdtype)


def _rotated(owner: dns.name.Name, rdataset: dns.rdataset.Rdataset, turn: int) -> dns.rrset.RRset:
    rdatas = list(rdataset)
    first = turn % len(rdatas)
    return dns.rrset.from_rdata_list(owner, rdataset.ttl, rdatas[first:] + rdatas[:first])


def _server_addresses(zone: Zone) -> list[dns.rrset.RRset]:
    return [
        dns.rrset.from_rdata_list(server.target, rdataset.ttl, list(rdataset))
        for server in zone.ns
        for rdtype, rdataset in zone.nodes.get(server.target, {}).items()
        if rdtype in _ADDRESSES
    ]


def _negative_soa(zone: Zone) -> dns.rrset.RRset:
    return soa_rrset(zone, min(APEX_TTL, zone.soa.minimum))
