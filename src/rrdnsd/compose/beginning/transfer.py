"""Reads a whole zone: by zone transfer (AXFR, RFC 5936) from a server, or from a zone file."""

import asyncio
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.tsig
import dns.zone

from rrdnsd.compose.beginning.records import KEPT, Record
from rrdnsd.errors import ProviderError
from rrdnsd.providers.message import Sent, read_reply, sign
from rrdnsd.providers.rcodes import explain, explain_transport, unsigned
from rrdnsd.providers.server import Server, first_ident

MOST_RECORDS = 500_000
"""Records that a transfer may have unless the operator says otherwise."""

_ENDS = 2  # a transfer begins and ends with the zone's SOA

Tell = Callable[[int], None]
"""Is told how many records have come so far."""


async def transfer(server: Server, zone: str, most: int, tell: Tell) -> list[Record]:
    """Transfer a zone, signed where there is a key, and keep the records that matter.

    A server that falls silent for its timeout ends it; so does a zone of more than `most` records.

    Raises:
        ProviderError: the server cannot be reached, refuses, or breaks off.

    """
    try:
        async with asyncio.timeout(server.timeout):
            reader, writer = await asyncio.open_connection(server.resolver.host, server.resolver.port)
        try:
            return await _read(server, zone, most, tell, reader, writer)
        finally:
            writer.transport.abort()
    except (OSError, EOFError, TimeoutError) as error:
        sentence = explain_transport(str(server.resolver), error, server.timeout)
        raise ProviderError(f"the transfer of {zone} failed: {sentence}") from error


def from_file(path: Path, zone: str, most: int) -> list[Record]:
    """Read a zone file (RFC 1035, section 5).

    Raises:
        ProviderError: it cannot be read, is no zone file, or is too large.

    """
    try:
        read = dns.zone.from_file(
            str(path), zone + ".", relativize=False, check_origin=False, allow_include=True
        )
    except OSError as error:
        raise ProviderError(f"the zone file {path} cannot be read: {error.strerror}") from None
    except (dns.exception.DNSException, UnicodeDecodeError, ValueError) as error:
        raise ProviderError(f"{path} is no zone file of {zone}: {error}") from None
    found = []
    for number, (name, ttl, rdata) in enumerate(read.iterate_rdatas()):
        if number >= most:
            raise _too_many(zone, most)
        if record := _record(name, ttl, rdata):
            found.append(record)
    return found


async def _read(
    server: Server,
    zone: str,
    most: int,
    tell: Tell,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> list[Record]:
    key = server.key.for_dnspython() if server.key else None
    query = dns.message.make_query(zone + ".", "AXFR", flags=0, id=first_ident(1))
    sent = sign(query.to_wire(), key, int(server.clock()))
    writer.write(struct.pack("!H", len(sent.wire)) + sent.wire)
    found: list[Record] = []
    seen, ends, context = 0, 0, None
    while ends < _ENDS:
        async with asyncio.timeout(server.timeout):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            wire = await reader.readexactly(length)
        message = _message(server, zone, wire, sent, key, context)
        context = message.tsig_ctx
        for name, ttl, rdata in _records(message):
            ends += rdata.rdtype == dns.rdatatype.SOA
            if not ends:
                raise ProviderError(f"{server.resolver} answers the transfer of {zone} with something else")
            if record := _record(name, ttl, rdata):
                found.append(record)
            seen += 1
        if seen > most:
            raise _too_many(zone, most)
        tell(seen)
    if key and not message.had_tsig:  # the last message must be signed (RFC 8945, section 5.3.1)
        raise ProviderError(unsigned(server.asked("query", zone)))
    return found


def _message(
    server: Server, zone: str, wire: bytes, sent: Sent, key: dns.tsig.Key | None, context: object
) -> dns.message.Message:
    rcode = wire[3] & 0x0F if len(wire) > 3 else 0  # noqa: PLR2004 - the RCODE's place in a header
    if not rcode:
        try:
            message = dns.message.from_wire(
                wire,
                keyring=key or False,
                request_mac=sent.mac,
                xfr=True,
                tsig_ctx=context,  # type: ignore[arg-type]  # what the message before it had
                multi=True,
                one_rr_per_rrset=True,
            )
        except (dns.exception.DNSException, ValueError):
            pass
        else:
            if message.answer:
                return message
            raise ProviderError(f"{server.resolver} answers the transfer of {zone} with nothing")
    raise ProviderError(_refusal(server, zone, wire, sent, key))


def _refusal(server: Server, zone: str, wire: bytes, sent: Sent, key: dns.tsig.Key | None) -> str:
    reply = read_reply(wire, key, sent)
    asked = server.asked("query", zone)
    if reply.tsig_error or reply.rcode not in {"REFUSED", "NOTAUTH", "NOERROR"}:
        return explain(asked, reply.rcode, reply.tsig_error, reply.clock_ahead)
    if reply.rcode == "NOERROR":
        return (
            f"{server.resolver} breaks the transfer of {zone} off: a message is damaged or not signed rightly"
        )
    return (
        f"{server.resolver} refuses the transfer of {zone} ({reply.rcode}): it does not serve the zone, or does not let "
        f"this address with {asked.signer} transfer it (BIND: allow-transfer, Knot: an acl with action transfer, NSD: "
        "provide-xfr, PowerDNS: allow-axfr-ips, TSIG-ALLOW-AXFR); or give the names with --names, or the zone file with "
        "--zone-file"
    )


def _records(message: dns.message.Message) -> Iterator[tuple[dns.name.Name, int, dns.rdata.Rdata]]:
    for rrset in message.answer:
        for rdata in rrset:
            yield rrset.name, rrset.ttl, rdata


def _record(name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> Record | None:
    rtype = dns.rdatatype.to_text(rdata.rdtype)
    if rtype not in KEPT:
        return None
    match rtype:
        case "A" | "AAAA":
            value = rdata.to_text()
        case "MX":
            value = _plain(rdata.exchange)  # type: ignore[attr-defined]  # dnspython types rdata by its base class only
        case _:
            value = _plain(rdata.target)  # type: ignore[attr-defined]  # likewise
    return Record(_plain(name), rtype, ttl, value)


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _too_many(zone: str, most: int) -> ProviderError:
    return ProviderError(
        f"{zone} has more than {most} records: raise --limit, or give the names with --names"
    )
