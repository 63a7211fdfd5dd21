"""The probe type `dns`: the endpoint answers a question as expected, over UDP, and TCP where it says so.

A reply counts only if it comes from the endpoint to the socket that asked (each probe has its own, connected),
and repeats the random identifier and the question (RFC 5452, 4).
"""

import secrets
from collections.abc import Generator
from functools import lru_cache
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_NONBLOCK, SocketType
from struct import pack
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rrdnsd.config.dnsquestion import DnsQuestion, parse
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import READ, WRITE, CheckSpec, DeadlineExceeded, Steps, Wait
from rrdnsd.probes.link import (
    SocketAddress,
    check_connected,
    explain,
    open_socket,
    send_some,
    socket_address,
)
from rrdnsd.probes.progress import CONNECTING, Progress
from rrdnsd.probes.request import parse_template

if TYPE_CHECKING:
    import dns.message

DNS_PORT = 53
UDP_SIZE = 1232
"""Bytes of a UDP answer that pass everywhere unfragmented (DNS flag day 2020)."""
MOST_BYTES = 16_384
"""Bytes of a TCP answer: a larger one takes long to read."""

_WAITING = "waiting for the answer"
_HEADER = 12
_RESPONSE, _TRUNCATED = 0x80, 0x02
_SHOWN = 3


class _Bad(Exception):  # noqa: N818 - it is an answer, not an error of the probe
    """The answer is not what a DNS server says; the text is the reason."""


class DnsProbe:
    """Asks one endpoint."""

    __slots__ = ("_address", "_query", "_question", "key", "timeout")

    def __init__(
        self, key: EndpointKey, address: SocketAddress, timeout: float, question: DnsQuestion
    ) -> None:
        self.key = key
        self.timeout = timeout
        self._address = address
        self._question = question
        self._query = _query(question.name, question.rtype)

    def run(self) -> Steps:
        """Ask once."""
        progress = Progress()
        progress.stage = _WAITING
        query = secrets.token_bytes(2) + self._query
        try:
            answer = yield from self._over_udp(query, progress)
            if answer[2] & _TRUNCATED:
                answer = yield from self._over_tcp(query, progress)
            reason = self._judge(answer)
        except DeadlineExceeded:
            reason = f"timeout after {self.timeout:g} s {progress.stage}"
        except _Bad as why:
            reason = str(why)
        except OSError as error:
            reason = explain(error)
        return ProbeResult(not reason, reason, progress.timings())

    def close(self) -> None:
        """Nothing is kept between probes."""

    def _over_udp(self, query: bytes, progress: Progress) -> Generator[Wait, int, bytes]:
        family = AF_INET6 if ":" in self.key.address else AF_INET
        sock = SocketType(family, SOCK_DGRAM | SOCK_NONBLOCK)
        try:
            sock.connect(self._address)
            sock.send(query)
            while True:
                yield sock, READ
                while True:
                    try:
                        answer = sock.recv(65_535)
                    except BlockingIOError:
                        break
                    if is_answer(query, answer):
                        progress.first_byte = monotonic()
                        return answer
        finally:
            sock.close()

    def _over_tcp(self, query: bytes, progress: Progress) -> Generator[Wait, int, bytes]:
        progress.stage = f"{CONNECTING} over TCP"
        sock = open_socket(self._address)
        try:
            check_connected(sock, (yield sock, WRITE))
            progress.connected = monotonic()
            progress.stage = f"{_WAITING} over TCP"
            unsent = pack("!H", len(query)) + query
            while unsent := send_some(sock, unsent):
                yield sock, WRITE
            answer = yield from _framed(sock)
        finally:
            sock.close()
        if not is_answer(query, answer):
            raise _Bad("the answer over TCP is not to what was asked")
        return answer

    def _judge(self, answer: bytes) -> str:
        message = _read(answer)
        return judge(self._question, message)


def build(spec: CheckSpec, key: EndpointKey) -> DnsProbe:
    """Make the probe of one endpoint.

    Raises:
        ConfigError: the template is not of the form ``dns://{}:PORT/NAME?type=A``.

    """
    try:
        target = parse_template(spec.healthcheck)
        url = urlsplit(target.path)
        question = parse(url.path, f"?{url.query}" if url.query else "")
    except ValueError as error:
        raise ConfigError(key.service, [f"healthcheck: {error}"]) from error
    return DnsProbe(key, socket_address(key.address, target.port or DNS_PORT), spec.timeout, question)


def is_answer(query: bytes, answer: bytes) -> bool:
    """Tell if this is a response with the query's identifier and question; a server that cannot read the
    question may leave it out (RFC 1035, 4.1.1: FORMERR, NOTIMP, SERVFAIL, REFUSED).
    """
    if len(answer) < _HEADER or answer[:2] != query[:2] or not answer[2] & _RESPONSE:
        return False
    if answer[4:6] == b"\0\0":
        return bool(answer[3] & 0x0F)
    asked = query[_HEADER : query.index(b"\0", _HEADER) + 5]
    return answer[4:6] == b"\0\1" and answer[_HEADER : _HEADER + len(asked)].lower() == asked.lower()


def judge(question: DnsQuestion, message: "dns.message.Message") -> str:
    """Tell what is wrong with the answer; "" when nothing is."""
    import dns.rcode  # noqa: PLC0415 - loaded only where a service needs it
    import dns.rdatatype  # noqa: PLC0415 - as above

    rcode = dns.rcode.to_text(message.rcode())
    if rcode != question.rcode:
        return f"answered {rcode}, expected {question.rcode}"
    if rcode != "NOERROR":
        return ""
    wanted = dns.rdatatype.from_text(question.rtype)
    found = {record.to_text() for rrset in message.answer if rrset.rdtype == wanted for record in rrset}
    if not found:
        return f"the answer holds no record of type {question.rtype}"
    folded = {text.lower().rstrip(".") for text in found}
    for expected in question.expect:
        if expected.lower().rstrip(".") not in folded:
            return f"the answer does not hold {_printable(expected)}, but {_listed(found)}"
    return ""


def _listed(found: set[str]) -> str:
    shown = ", ".join(_printable(text) for text in sorted(found)[:_SHOWN])
    return f"{shown} and {len(found) - _SHOWN} more" if len(found) > _SHOWN else shown


def _printable(text: str) -> str:
    short = text if len(text) <= 80 else f"{text[:80]}..."  # noqa: PLR2004 - as much as a line can bear
    return short if short.isprintable() else ascii(short)


@lru_cache(maxsize=1024)
def _query(name: str, rtype: str) -> bytes:
    """Write a query without its identifier: recursion desired, for resolvers; EDNS, for larger answers."""
    import dns.message  # noqa: PLC0415 - loaded only where a service needs it

    return dns.message.make_query(name, rtype, use_edns=0, payload=UDP_SIZE, id=0).to_wire()[2:]


def _read(answer: bytes) -> "dns.message.Message":
    import dns.exception  # noqa: PLC0415 - loaded only where a service needs it
    import dns.message  # noqa: PLC0415 - as above

    try:
        return dns.message.from_wire(answer)
    except (dns.exception.DNSException, ValueError) as error:
        raise _Bad(f"the answer is malformed ({type(error).__name__})") from error


def _framed(sock: SocketType) -> Generator[Wait, int, bytes]:
    """Read a message with its length in front (RFC 1035, 4.2.2)."""
    data, length = b"", 2
    while len(data) < length:
        try:
            more = sock.recv(length - len(data))
        except BlockingIOError:
            yield sock, READ
            continue
        if not more:
            raise _Bad("closed in the middle of the answer over TCP")
        data += more
        if length == 2 and len(data) == 2:  # noqa: PLR2004 - the two bytes of the length
            length = 2 + int.from_bytes(data)
            if length > MOST_BYTES:
                raise _Bad(f"the answer is longer than {MOST_BYTES // 1024} KiB")
    return data[2:]
