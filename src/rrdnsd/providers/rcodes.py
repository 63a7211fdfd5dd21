"""What a DNS server's refusal means, in one sentence that an operator can act on.

BIND, Knot and PowerDNS answer the same situation with different codes, and one code stands for different
situations. So a sentence names every likely cause of its code, and where to look on each server.
"""

import errno
import os
import socket
from dataclasses import dataclass
from typing import Literal

from rrdnsd.providers.keys import TsigKey

STALE = frozenset({"NXRRSET", "YXRRSET", "NXDOMAIN", "YXDOMAIN"})
"""The codes by which an UPDATE's prerequisite fails (RFC 2136, section 2.2)."""

PER_NAME = frozenset({"REFUSED", "NOTZONE", "BADKEY"})
"""The codes that may be about one name of the message only.

BIND's update-policy answers REFUSED, Knot's update-owner NOTAUTH with BADKEY, PowerDNS REFUSED for an address
beside a CNAME, and all of them NOTZONE for a name that is not theirs.
"""

Action = Literal["update", "query"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked for what: all a sentence needs to know. `server` is host:port."""

    action: Action
    server: str
    zone: str
    key: TsigKey | None = None

    @property
    def signer(self) -> str:
        """The key as sentences name it."""
        return f'key "{self.key.name}" ({self.key.algorithm})' if self.key else "no key"

    @property
    def noun(self) -> str:
        """The thing the server said no to."""
        return f"{'the update of' if self.action == 'update' else 'queries for'} {self.zone}"


def explain(asked: Asked, rcode: str, tsig_error: str = "", clock_ahead: int | None = None) -> str:
    """Say why the server answered so and what would help. `clock_ahead`: seconds, for BADTIME."""
    if rcode == "NOERROR" and tsig_error:
        return (
            f"{asked.server} answered {asked.noun} with a signature that is not made with {asked.signer}: check the "
            "secret on both sides, and that no one else answers in the server's place"
        )
    codes = f"{rcode}, {tsig_error}" if tsig_error else rcode
    return f"{asked.server} refuses {asked.noun} ({codes}): {_cause(asked, tsig_error or rcode, clock_ahead)}"


def _cause(asked: Asked, code: str, clock_ahead: int | None) -> str:
    match code:
        case "BADKEY":
            return _badkey(asked)
        case "BADSIG":
            return f"the secret of {asked.signer} is not the one the server has; copy it anew from there"
        case "BADTIME":
            return _badtime(clock_ahead)
        case "REFUSED":
            return _refused_update(asked) if asked.action == "update" else _refused_query(asked)
        case "NOTAUTH":
            return _notauth(asked)
        case other:
            return _PLAIN.get(other, "the code is unusual here; the server's own log says why")


_INSTEAD = "use update_method builtin, a hidden primary that feeds them by zone transfer, or zonefile on their own machine"

_PLAIN = {
    "NOTIMP": f"the server takes no updates by RFC 2136; NSD and Unbound never do: {_INSTEAD}",
    "NOTZONE": "a name is not inside the zone; give the service the zone that holds its fqdn",
    "SERVFAIL": (
        "the server failed by itself: its zone is not loaded or has expired, or it cannot write its journal or "
        "database (permissions, disk full, AppArmor); its log says which"
    ),
    "FORMERR": (
        f"the server does not understand the message; Unbound answers so to all that is signed, and takes no updates: "
        f"{_INSTEAD}; elsewhere look for a middlebox or old software between"
    ),
    "BADTRUNC": "the server wants longer signatures than it was sent; use hmac-sha256",
}


def unsigned(asked: Asked) -> str:
    """Say that a success was not signed though the request was, and so cannot be believed."""
    return (
        f"{asked.server} answered {asked.noun} without a signature though it was sent one with {asked.signer}: it does "
        "not know TSIG (Unbound does not), or someone else answers in its place"
    )


def explain_transport(server: str, error: BaseException, timeout: float) -> str:
    """Say why there was no answer at all. `timeout` is in seconds."""
    match error:
        case TimeoutError() if getattr(error, "errno", None) is None:
            return (
                f"{server} did not answer within {timeout:g} s over TCP: it is down, overloaded, or a firewall drops "
                "TCP to this port"
            )
        case ConnectionRefusedError():
            return f"{server} refuses TCP connections: the DNS server is down or listens elsewhere"
        case ConnectionResetError() | BrokenPipeError() | EOFError():
            return (
                f"{server} closed the connection without an answer: it restarts, or it limits its TCP clients"
            )
        case socket.gaierror():
            return f"{server} cannot be resolved: write the server's IP address in update_resolvers"
        case OSError(errno=number) if number:
            name = errno.errorcode.get(number, str(number))
            return f"{server} cannot be reached: {os.strerror(number).lower()} ({name})"
        case _:
            return f"{server} cannot be reached: {error}"


def _badkey(asked: Asked) -> str:
    return (
        f"it does not know {asked.signer}; check the name and the algorithm on both sides (Knot answers so too when "
        f"no acl with action update lets this key change this name in {asked.zone})"
    )


def _badtime(clock_ahead: int | None) -> str:
    if clock_ahead is None:
        return "the clocks of this machine and of the server differ by more than 300 s; set both by NTP"
    side = "behind" if clock_ahead > 0 else "ahead of"
    return f"this machine's clock is {abs(clock_ahead)} s {side} the server's, 300 s are allowed; set the wrong one by NTP"


def _refused_update(asked: Asked) -> str:
    if asked.key is None:
        return (
            "the update was not signed and the server wants a key (set update_credentials), or the zone allows no "
            "updates from this address (BIND: allow-update, PowerDNS: ALLOW-DNSUPDATE-FROM)"
        )
    return (
        f"the zone does not let {asked.signer} change this (BIND: allow-update or update-policy, PowerDNS: "
        "TSIG-ALLOW-DNSUPDATE, ALLOW-DNSUPDATE-FROM); from PowerDNS it can also mean a wrong key name, secret, algorithm "
        "or clock, a zone it does not serve, or a CNAME at the name"
    )


def _refused_query(asked: Asked) -> str:
    return (
        f"it does not serve {asked.zone}, or does not let this address or {asked.signer} read it (BIND: allow-query); "
        "give the address of the zone's primary in update_resolvers"
    )


def _notauth(asked: Asked) -> str:
    if asked.key is None:
        others = "Knot answers so too when no acl lets updates without a key in"
    else:
        others = (
            f"Knot answers so too when no acl lets {asked.signer} in, PowerDNS when its name, secret, algorithm or the "
            "clock is wrong"
        )
    return f"it is not the primary of {asked.zone}; check the service's zone and update_resolvers ({others})"
