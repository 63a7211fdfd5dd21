"""DNS messages as bytes: QUERY and UPDATE out, replies in, TSIG both ways. No sockets here.

Records and signatures are packed by hand: a full message of 64 KiB takes 4 ms then, which the event loop can bear;
dnspython's UpdateMessage takes more than 100 ms for the same. The reading of replies is dnspython's (but see `plain`).
"""

import hmac
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.tsig

from rrdnsd.core.model import NameChange, RRset, RRsetChange, RRsetKey, RRType
from rrdnsd.errors import ProviderError

MAX_UPDATE = 65_535 - 512
"""Octets an unsigned message may have, so that the longest TSIG record still fits in a TCP frame."""

FUDGE = 300
"""Seconds the clocks may differ (RFC 8945, section 10)."""

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_OPCODE_UPDATE = 5 << 11
_ZONE_NAME = b"\xc0\x0c"  # a compression pointer to the name that follows the header: the zone
_TYPES = {"A": 1, "AAAA": 28}
_FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}
_SOA, _TSIG = 6, 250
_IN, _NONE, _ANY = 1, 254, 255
_ANY_0 = struct.pack("!HI", _ANY, 0)  # class and TTL of a TSIG record
_MAX_LABEL = 63
_HASHES = {
    dns.tsig.HMAC_MD5: "md5",
    dns.tsig.HMAC_SHA1: "sha1",
    dns.tsig.HMAC_SHA224: "sha224",
    dns.tsig.HMAC_SHA256: "sha256",
    dns.tsig.HMAC_SHA256_128: "sha256",
    dns.tsig.HMAC_SHA384: "sha384",
    dns.tsig.HMAC_SHA384_192: "sha384",
    dns.tsig.HMAC_SHA512: "sha512",
    dns.tsig.HMAC_SHA512_256: "sha512",
}
_TSIG_ERRORS = {16: "BADSIG", 17: "BADKEY", 18: "BADTIME", 22: "BADTRUNC"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it goes out, with what is needed to verify the reply."""

    wire: bytes
    mac: bytes = b""
    time_signed: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `message` is None where there is nothing but a header, as NSD sends it.

    `verified` tells that the TSIG of the reply is right, or that none was asked for; `tsig_error` is the name
    of the TSIG error that either side found. `clock_ahead` is how many seconds the server's clock is before
    ours, known for BADTIME only.
    """

    rcode: str
    verified: bool
    message: dns.message.Message | None = None
    tsig_error: str = ""
    clock_ahead: int | None = None


def render_query(ident: int, key: RRsetKey) -> bytes:
    """Ask for one RRset, without recursion (the RD bit is clear)."""
    question = _labels(key.name) + b"\0" + struct.pack("!HH", _TYPES[key.rtype], _IN)
    return _HEADER.pack(ident, 0, 1, 0, 0, 0) + question


def render_update(
    ident: int, zone: str, changes: Sequence[NameChange], limit: int = MAX_UPDATE
) -> bytes | None:
    """Put all changes into one UPDATE (RFC 2136); None where it would be longer than `limit` octets.

    Each RRset that changes has as prerequisite that it is exactly `before` (section 2.4.2; TTLs do not count
    there), or does not exist (2.4.3). It is replaced whole: deleted by type, then added anew, so that every
    record gets the TTL of `after`.
    """
    zone_section = _labels(zone) + b"\0" + struct.pack("!HH", _SOA, _IN)
    prerequisites: list[bytes] = []
    updates: list[bytes] = []
    room = limit - _HEADER.size - len(zone_section)
    for change in changes:
        owner = _owner(change.name, zone)
        for rrset in change.rrsets:
            required, wanted = _prerequisites(owner, rrset), _updates(owner, rrset)
            room -= sum(map(len, required)) + sum(map(len, wanted))
            if room < 0:
                return None
            prerequisites += required
            updates += wanted
    header = _HEADER.pack(ident, _OPCODE_UPDATE, 1, len(prerequisites), len(updates), 0)
    return b"".join([header, zone_section, *prerequisites, *updates])


def sign(wire: bytes, key: dns.tsig.Key | None, now: int) -> Sent:
    """Append the TSIG record (RFC 8945); without a key the message goes as it is. `now` is POSIX time."""
    if key is None:
        return Sent(wire)
    ident, *_, additional = _HEADER.unpack_from(wire)
    owner, algorithm, *_ = key_names(key)
    mac = tsig_mac(key, wire, now, FUDGE)
    body = b"".join(
        [
            algorithm,
            _time(now, FUDGE),
            struct.pack("!H", len(mac)),
            mac,
            struct.pack("!HHH", ident, 0, 0),
        ]
    )
    record = owner + _RECORD.pack(_TSIG, _ANY, 0, len(body)) + body
    counted = wire[:10] + struct.pack("!H", additional + 1) + wire[12:]
    return Sent(counted + record, mac, now)


def tsig_mac(key: dns.tsig.Key, wire: bytes, at: int, fudge: int) -> bytes:
    """Compute the MAC of a message without a TSIG error (RFC 8945, section 4.3); `at` is POSIX time.

    For a reply, `wire` is preceded by the length and the octets of the MAC of what it replies to.
    """
    owner, algorithm, function, size = key_names(key)
    variables = owner + _ANY_0 + algorithm + _time(at, fudge) + b"\0\0\0\0"  # no error, no other data
    return hmac.digest(key.secret, wire + variables, function)[:size]


class KeyNames(NamedTuple):
    """What names a key in each message, as it is signed; the hash function, and how many octets of its result count."""

    owner: bytes
    algorithm: bytes
    function: str
    size: int


def key_names(key: dns.tsig.Key) -> KeyNames:
    """Tell what all messages that are signed with this key have in common."""
    return _key_names(key.name.labels, key.algorithm.labels)


@lru_cache(maxsize=16)  # a look at a zone signs and verifies thousands of messages with the same key
def _key_names(owner: tuple[bytes, ...], algorithm: tuple[bytes, ...]) -> KeyNames:
    named = dns.name.Name(algorithm)
    size = dns.tsig.mac_sizes[named]
    return KeyNames(dns.name.Name(owner).to_digestable(), named.to_digestable(), _HASHES[named], size)


def _time(at: int, fudge: int) -> bytes:
    return struct.pack("!HIH", at >> 32, at & 0xFFFFFFFF, fudge)


def read_reply(wire: bytes, key: dns.tsig.Key | None, sent: Sent) -> Reply:
    """Read the RCODE from the header first: an error reply may be unsigned, or nothing but a header.

    Raises:
        ProviderError: not even the header is there, or a success makes no sense as a DNS message.

    """
    if len(wire) < _HEADER.size:
        raise ProviderError(f"the server sent a reply of {len(wire)} octets, which is no DNS message")
    rcode = dns.rcode.to_text(dns.rcode.Rcode(wire[3] & 0x0F))
    try:
        message = dns.message.from_wire(wire, keyring=key or False, request_mac=sent.mac)
    except (dns.exception.DNSException, ValueError):
        return _unverified(wire, rcode, sent)
    return Reply(rcode, verified=True, message=message)


def _unverified(wire: bytes, rcode: str, sent: Sent) -> Reply:
    try:
        message = dns.message.from_wire(wire, keyring=False)
    except (dns.exception.DNSException, ValueError):
        if rcode == "NOERROR":
            raise ProviderError("the server sent a reply that is no valid DNS message") from None
        return Reply(rcode, verified=False)
    if not message.had_tsig or message.tsig is None:
        return Reply(rcode, verified=False, message=message)
    tsig = message.tsig[0]
    if tsig.error:
        error = _TSIG_ERRORS.get(tsig.error, f"TSIG error {tsig.error}")
    else:
        # Unbound sends our own signature back with its NOTIMP: under an error code the code matters.
        error = "BADSIG" if rcode in {"NOERROR", "NXDOMAIN"} else ""
    ahead = None
    if error == "BADTIME" and len(tsig.other) == 6:  # noqa: PLR2004 - 48 bits, RFC 8945 section 5.2.3
        ahead = int.from_bytes(tsig.other, "big") - sent.time_signed
    return Reply(rcode, verified=False, message=message, tsig_error=error, clock_ahead=ahead)


def _prerequisites(owner: bytes, change: RRsetChange) -> list[bytes]:
    rtype = change.key.rtype
    if change.before is None:
        return [owner + _RECORD.pack(_TYPES[rtype], _NONE, 0, 0)]
    return _records(owner, rtype, 0, change.before.addresses)


def _updates(owner: bytes, change: RRsetChange) -> list[bytes]:
    rtype = change.key.rtype
    added = _added(owner, rtype, change.after)
    if change.before is None:
        return added
    return [owner + _RECORD.pack(_TYPES[rtype], _ANY, 0, 0), *added]


def _added(owner: bytes, rtype: RRType, after: RRset | None) -> list[bytes]:
    return _records(owner, rtype, after.ttl, after.addresses) if after else []


def _records(owner: bytes, rtype: RRType, ttl: int, addresses: Iterable[str]) -> list[bytes]:
    family, number = _FAMILIES[rtype], _TYPES[rtype]
    packed = (socket.inet_pton(family, address) for address in sorted(addresses))
    return [owner + _RECORD.pack(number, _IN, ttl, len(rdata)) + rdata for rdata in packed]


def _owner(name: str, zone: str) -> bytes:
    if name == zone:
        return _ZONE_NAME
    inside = name.removesuffix(f".{zone}")
    return _labels(name) + b"\0" if inside == name else _labels(inside) + _ZONE_NAME


def _labels(name: str) -> bytes:
    labels = name.encode().split(b".")
    if not all(0 < len(label) <= _MAX_LABEL for label in labels):
        raise ProviderError(f'"{name}" is no domain name')
    return b"".join(bytes((len(label),)) + label for label in labels)
