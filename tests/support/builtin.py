"""Zones and queries for the tests of the built-in server."""

import asyncio
from collections.abc import Callable, Mapping

import dns.message
import dns.name

from rrdnsd.core.model import NameChange, Plan, RRset, RRsetChange, RRsetKey
from rrdnsd.providers.builtin.zone import Settings, Zone, changed, unpublished

ZONE = "example.test"


def rrset(*addresses: str, ttl: int = 5) -> RRset:
    return RRset(ttl, frozenset(addresses))


def key(name: str, rtype: str = "A") -> RRsetKey:
    """`www` means www.example.test, and `@` the apex."""
    return RRsetKey(ZONE if name == "@" else f"{name}.{ZONE}", rtype)


def records(text: str) -> dict[RRsetKey, RRset]:
    """Read lines such as "www A 192.0.2.1 192.0.2.2"."""
    lines = [line.split() for line in text.strip().splitlines()]
    return {key(name, rtype): rrset(*addresses) for name, rtype, *addresses in lines}


def zone(text: str = "", names: tuple[str, ...] = (), serial: int = 7, **settings: object) -> Zone:
    """A published zone with these records; `names` are managed but may be undecided."""
    fresh = unpublished(ZONE, Settings(**settings), names)
    return changed(fresh, records(text), serial)


def zones(*some: Zone) -> Mapping[dns.name.Name, Zone]:
    return {one.origin: one for one in some}


def ask(name: str, rtype: str = "A", **how: object) -> dns.message.Message:
    """A query without RD, with a fixed id."""
    return dns.message.make_query(name, rtype, flags=0, id=4711, **how)


def plan(*changes: tuple[RRsetKey, RRset | None, RRset | None], zone: str = ZONE) -> Plan:
    """A plan of (key, before, after), one name after the other."""
    names = dict.fromkeys(key.name for key, _, _ in changes)
    return Plan(
        zone,
        tuple(
            NameChange(name, tuple(RRsetChange(*some) for some in changes if some[0].name == name), "a test")
            for name in names
        ),
    )


async def eventually(true: Callable[[], object], within: float = 60.0) -> None:
    """Poll until it is true, without holding up the event loop; TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)
