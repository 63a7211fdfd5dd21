"""The probe type `icmp`: the endpoint answers an echo request (RFC 792, RFC 4443).

Unprivileged where the kernel allows it (sysctl net.ipv4.ping_group_range, which is for IPv6 as well), else over a
raw socket. Each probe has a socket of its own, connected to the endpoint, so that the kernel hands it nobody else's
packets; and it believes only a reply that repeats its sequence number and its random payload.
"""

import os
from errno import EACCES, EPERM, EPROTONOSUPPORT
from functools import lru_cache
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_IP,
    IPPROTO_IPV6,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_RAW,
    SocketType,
)
from struct import pack, unpack_from
from time import monotonic

from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.errors import ConfigError, StartupError
from rrdnsd.probes.base import READ, CheckSpec, DeadlineExceeded, Steps
from rrdnsd.probes.link import explain
from rrdnsd.probes.progress import Progress
from rrdnsd.probes.request import parse_template

_REQUEST_V4, _REPLY_V4 = 8, 0
_REQUEST_V6, _REPLY_V6 = 128, 129
_HEADER = 8
_NONCE = 16
_MOST = 2048
_SOL_RAW = 255
_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h: have what routers report told at once
_ICMP_FILTER, _ICMP6_FILTER = 1, 1  # linux/icmp.h, linux/icmpv6.h: a set bit blocks a type
_FORBIDDEN = frozenset({EACCES, EPERM, EPROTONOSUPPORT})


class IcmpProbe:
    """Sends one echo request and waits for its reply."""

    __slots__ = ("_kind", "key", "timeout")

    def __init__(self, key: EndpointKey, timeout: float, kind: int) -> None:
        self.key = key
        self.timeout = timeout
        self._kind = kind

    def run(self) -> Steps:
        """Ask once."""
        progress = Progress()
        try:
            return (yield from self._echo(progress))
        except DeadlineExceeded:
            reason = f"timeout after {self.timeout:g} s waiting for the echo reply"
        except OSError as error:
            reason = explain(error)
        return progress.failed(reason)

    def close(self) -> None:
        """Nothing is kept between probes."""

    def _echo(self, progress: Progress) -> Steps:
        family = AF_INET6 if ":" in self.key.address else AF_INET
        sock = _open(family, self._kind)
        try:
            sock.connect((self.key.address, 0))
            unique = os.urandom(4 + _NONCE)
            sock.send(_request(family, unique))
            while True:
                yield sock, READ
                if _await_reply(sock, family, self._kind, unique):
                    break
            progress.first_byte = monotonic()
            return ProbeResult(ok=True, reason="", timings=progress.timings())
        finally:
            sock.close()


def build(spec: CheckSpec, key: EndpointKey) -> IcmpProbe:
    """Make the probe of one endpoint.

    Raises:
        ConfigError: the template is not ``icmp://{}``.
        StartupError: this process may not ping.

    """
    try:
        target = parse_template(spec.healthcheck)
    except ValueError as error:
        raise ConfigError(key.service, [str(error)]) from error
    if target.port is not None or target.path != "/":
        raise ConfigError(key.service, [f"{spec.healthcheck!r} is not of the form icmp://{{}}"])
    kind = _kind(AF_INET6 if ":" in key.address else AF_INET)
    if kind is None:
        sentence = (
            "this process may not send ICMP echo requests: widen the sysctl net.ipv4.ping_group_range"
            f" to its group {os.getegid()}, or give it the capability CAP_NET_RAW"
        )
        raise StartupError(f"{key.service}: {sentence}")
    return IcmpProbe(key, spec.timeout, kind)


def needs_raw() -> bool:
    """Tell if this process may ping over raw sockets only, if at all."""
    return any(_kind(family) != SOCK_DGRAM for family in (AF_INET, AF_INET6))


@lru_cache(maxsize=2)
def _kind(family: int) -> int | None:
    """Return the kind of socket that may be used here; None where none may."""
    for kind in (SOCK_DGRAM, SOCK_RAW):
        try:
            _open(family, kind).close()
        except OSError as error:
            # Anything else (no descriptor left, no IPv6) is for each probe to tell.
            if error.errno not in _FORBIDDEN:
                return kind
        else:
            return kind
    return None


def _open(family: int, kind: int) -> SocketType:
    if family == AF_INET:
        sock = SocketType(family, kind | SOCK_NONBLOCK, IPPROTO_ICMP)
        level, option, blocked = IPPROTO_IP, _IP_RECVERR, (_SOL_RAW, _ICMP_FILTER, _all_but(_REPLY_V4, 1))
    else:
        sock = SocketType(family, kind | SOCK_NONBLOCK, IPPROTO_ICMPV6)
        level, option = IPPROTO_IPV6, _IPV6_RECVERR
        blocked = (IPPROTO_ICMPV6, _ICMP6_FILTER, _all_but(_REPLY_V6, 8))
    try:
        sock.setsockopt(level, option, 1)
        if kind == SOCK_RAW:
            sock.setsockopt(*blocked)
    except BaseException:
        sock.close()
        raise
    return sock


def _all_but(kind: int, words: int) -> bytes:
    """Return a filter of so many 32-bit words in which only the bit of this type is clear."""
    return pack(
        f"={words}I", *(0xFFFFFFFF & ~(1 << kind % 32 if kind // 32 == n else 0) for n in range(words))
    )


def _request(family: int, unique: bytes) -> bytes:
    """Write an echo request; `unique` is its identifier, sequence number and payload. The kernel replaces the
    identifier on an unprivileged socket, and writes the checksum of ICMPv6.
    """
    if family == AF_INET6:
        return pack("!BBH", _REQUEST_V6, 0, 0) + unique
    sum_of = sum(unpack_from(f"!{len(unique) // 2}H", unique)) + (_REQUEST_V4 << 8)
    while sum_of >> 16:
        sum_of = (sum_of & 0xFFFF) + (sum_of >> 16)
    return pack("!BBH", _REQUEST_V4, 0, ~sum_of & 0xFFFF) + unique


def _await_reply(sock: SocketType, family: int, kind: int, unique: bytes) -> bool:
    """Read what has come; whether our reply is among it. Raises OSError for what routers report."""
    while True:
        try:
            packet = sock.recv(_MOST)
        except BlockingIOError:
            return False
        if is_reply(packet, family, raw=kind == SOCK_RAW, unique=unique):
            return True


def is_reply(packet: bytes, family: int, *, raw: bool, unique: bytes) -> bool:
    """Tell if this is the reply to the request with this identifier, sequence number and payload."""
    if raw and family == AF_INET:
        packet = packet[(packet[0] & 0x0F) * 4 :] if packet else packet  # the IP header comes along
    if len(packet) != _HEADER - 4 + len(unique) or packet[1] != 0:
        return False
    if packet[0] != (_REPLY_V4 if family == AF_INET else _REPLY_V6):
        return False
    # The identifier of an unprivileged socket is the kernel's own, which has looked at it already.
    return packet[4:] == unique if raw else packet[6:] == unique[2:]
