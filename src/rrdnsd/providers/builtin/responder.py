"""From the octets of a query to the octets of its responses: everything between the sockets and the zones."""

import ipaddress
import itertools
import logging
from collections.abc import Iterable, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.tsig

from rrdnsd.providers.builtin.answer import Zones, answer, blank, not_ready, udp_limit
from rrdnsd.providers.builtin.options import Network
from rrdnsd.providers.builtin.quick import RenderedAnswers, as_message, read_plain, render
from rrdnsd.providers.builtin.signed import Refused, refusal, verify
from rrdnsd.providers.builtin.transfer import is_transfer, transfer
from rrdnsd.providers.keys import TsigKey

log = logging.getLogger(__name__)

_HEADER = 12
_QR = 0x80
_TCP_LIMIT = 65535
_MAX_REFUSED = 1000


class Responder:
    """Answers for `zones`, a mapping that its owner changes; after a change it calls `forget`.

    Secondaries get what is in `offered`, which may be older, and may lack a zone that is not ready for them.
    `allow_transfer` are the networks that may transfer zones. With a key, transfers must be signed with it.
    """

    def __init__(
        self, zones: Zones, offered: Zones, allow_transfer: Sequence[Network], key: TsigKey | None
    ) -> None:
        self._zones = zones
        self._offered = offered
        self._allow_transfer = allow_transfer
        self._key = key.for_dnspython() if key else None
        self._rendered = RenderedAnswers()
        self._turn = itertools.count()
        self._refused: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Take in that a zone has changed."""
        self._rendered.forget()

    def respond(self, wire: bytes, host: str, *, tcp: bool) -> Iterable[bytes]:
        """Give the responses to one message from this address; none for what must not be answered."""
        plain = read_plain(wire)
        if plain is None:
            return self._unusual(wire, host, tcp=tcp)
        rendered = self._rendered.get(plain)
        if rendered is None:
            rendered = render(answer(as_message(wire, plain), self._zones), plain)
            self._rendered.keep(plain, rendered)
        return (rendered.response(wire, plain, _TCP_LIMIT if tcp else plain.limit),)

    def _unusual(self, wire: bytes, host: str, *, tcp: bool) -> Iterable[bytes]:
        if len(wire) < _HEADER or wire[2] & _QR:
            return ()  # answering a response would let two servers talk for ever
        if dns.opcode.from_flags(int.from_bytes(wire[2:4])) != dns.opcode.QUERY:
            return (_header_only(wire, dns.rcode.NOTIMP),)
        try:
            query = dns.message.from_wire(wire, keyring=False)
            if query.had_tsig:
                verified = verify(wire, self._key)
                if isinstance(verified, Refused):
                    return (refusal(query, verified, self._key),)
                query = verified
        except (dns.exception.DNSException, ValueError):
            return (_header_only(wire, dns.rcode.FORMERR),)
        if tcp and query.edns <= 0 and is_transfer(query):
            return self._transfer(query, host)
        response = answer(query, self._zones, next(self._turn))
        limit = _TCP_LIMIT if tcp else udp_limit(query)
        return (response.to_wire(max_size=limit, prefer_truncation=True, want_shuffle=False),)

    def _transfer(self, query: dns.message.Message, host: str) -> Iterable[bytes]:
        name = query.question[0].name
        zone = self._zones.get(name)
        response = blank(query)
        if zone is None:
            response.set_rcode(dns.rcode.NOTAUTH)
        elif why := self._objection(query, host):
            self._log_refusal(zone.name, host, why)
            response.set_rcode(dns.rcode.REFUSED)
        elif name not in self._offered:
            not_ready(response, "no verdict on some names of this zone yet")
        else:
            return transfer(self._offered[name], query)
        return (response.to_wire(max_size=_TCP_LIMIT, want_shuffle=False),)

    def _log_refusal(self, zone: str, host: str, why: str) -> None:
        """Warn once of each host and zone: those who scan the Internet ask again and again."""
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.clear()
        level = logging.DEBUG if (host, zone) in self._refused else logging.WARNING
        self._refused.add((host, zone))
        log.log(level, "[builtin] the transfer of %s to %s is refused: %s", zone, host, why)

    def _objection(self, query: dns.message.Message, host: str) -> str:
        address = ipaddress.ip_address(host)
        if not any(address in network for network in self._allow_transfer):
            return "its address is not in builtin.allow_transfer"
        if self._key and not query.had_tsig:
            return f"it is not signed with the key {self._key.name}"
        return ""


def _header_only(wire: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """Answer what cannot be read, or shall not be: with nothing but a header (RFC 1035, 4.1.1)."""
    flags = dns.flags.QR | (int.from_bytes(wire[2:4]) & (0x7800 | dns.flags.RD)) | rcode
    return wire[:2] + flags.to_bytes(2) + bytes(8)
