"""Asks a DNS server whether it would take our updates, with an update that cannot come true.

Its prerequisites contradict each other (the RRset must not exist, and must be exactly so), so RFC 2136 (section 3.2)
forbids the server to apply it; and if a server applied it nevertheless, what is served would be replaced by itself.
A server that looks at permissions first, as BIND since 9.18.11, Knot DNS and PowerDNS do, says whether the key may.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from rrdnsd.core.model import NameChange, RRset, RRsetChange, RRsetKey, RRType
from rrdnsd.errors import ProviderError
from rrdnsd.providers.message import render_update
from rrdnsd.providers.outcome import Denied, Stale, judge
from rrdnsd.providers.server import Server, first_ident

_NOBODY: Mapping[RRType, RRset] = {
    "A": RRset(0, frozenset({"192.0.2.1"})),  # RFC 5737
    "AAAA": RRset(0, frozenset({"100::"})),  # RFC 6666
}


class Permission(NamedTuple):
    """Whether the server would take an update of a name, and the sentence that says so."""

    ok: bool
    sentence: str


async def may_update(
    server: Server, zone: str, name: str, rtypes: Collection[RRType], rrsets: Mapping[RRsetKey, RRset]
) -> Permission:
    """Ask the server; `rrsets` is what it serves at the name now. Nothing is changed."""
    message = render_update(first_ident(1), zone, [impossible(name, rtypes, rrsets)])
    if message is None:  # more addresses than one message holds
        return Permission(ok=False, sentence="cannot be asked: the name has too many addresses")
    try:
        (reply,) = await server.ask([message])
        outcome = judge(server.asked("update", zone), reply)
    except ProviderError as error:
        return Permission(ok=False, sentence=str(error))
    match outcome:
        case Stale():
            return Permission(ok=True, sentence="permitted (asked with an update that changes nothing)")
        case Denied(sentence):
            return Permission(ok=False, sentence=sentence)
        case _:
            return Permission(
                ok=False,
                sentence=f"{server.resolver} says yes to an update that cannot come true: it ignores updates of {zone} "
                "(PowerDNS does so for a zone without ALLOW-DNSUPDATE-FROM or TSIG-ALLOW-DNSUPDATE)",
            )


def impossible(name: str, rtypes: Collection[RRType], rrsets: Mapping[RRsetKey, RRset]) -> NameChange:
    """Make a change that no server may apply, and that would change nothing."""
    changes = []
    for rtype in sorted(rtypes):
        key = RRsetKey(name, rtype)
        there = rrsets.get(key)
        changes += [
            RRsetChange(key, None, None),
            RRsetChange(key, there, there) if there else RRsetChange(key, _NOBODY[rtype], None),
        ]
    return NameChange(name, tuple(changes), "a question")
