"""The looks that the command line takes before there is a configuration, each from its beginning to its end."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rrdnsd.compose.beginning import dnslook, transfer
from rrdnsd.compose.beginning.asking import Tell, silent
from rrdnsd.compose.beginning.guessing import Guess, Wanted, guess
from rrdnsd.compose.beginning.records import Candidate, LeftOut, Record, Sorted, candidate, collected
from rrdnsd.compose.beginning.trial import UPDATES, Finding, try_out
from rrdnsd.config import Config, host_port
from rrdnsd.config.names import is_within
from rrdnsd.daemon import journal
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.keys import parse_credentials
from rrdnsd.providers.server import Server, connect

T = TypeVar("T")

_TIMEOUT = 5.0
_PORT = 53
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A DNS server to ask: host and port as operators write them, and the text of the key if there is one."""

    server: str
    credentials: str = field(default="", repr=False)


def is_signed(method: str) -> bool:
    """Tell if an update method signs what it says with a TSIG key."""
    return method in UPDATES


def key_name(credentials: str) -> str:
    """Read a TSIG key as the update methods do, and return its name; "" for none.

    Raises:
        ConfigError: it is no key.

    """
    key = parse_credentials(credentials, "the key")
    return key.name if key else ""


def zone_of(place: Place | None, name: str) -> str:
    """Find the zone that holds a name, at the server or, without one, by this machine's resolver.

    Raises:
        ProviderError: it cannot be found; the sentence says why.

    """
    return _asked(place, lambda server: dnslook.find_zone(server, name))


def served_at(place: Place | None, zone: str, name: str) -> dnslook.Served:
    """Look up what DNS serves for a name now.

    Raises:
        ProviderError: it cannot be looked up.

    """
    return _asked(place, lambda server: dnslook.served(server, zone, [name]))[0]


def guess_checks(wanted: Sequence[Wanted], tell: Tell = silent) -> dict[str, Guess]:
    """Try what the names' endpoints answer to."""
    _quiet()
    return dict(asyncio.run(guess(wanted, tell)))


def try_config(config: Config, *, update: bool, tell: Callable[[Finding], None]) -> list[Finding]:
    """Try a configuration: probes, names, and with `update` the right to write."""
    _quiet()
    return asyncio.run(try_out(config, update=update, tell=tell))


def transferred(place: Place, zone: str, most: int, tell: transfer.Tell) -> list[Record]:
    """Transfer a zone from the server.

    Raises:
        ProviderError: it cannot be transferred.

    """

    async def ask(server: Server | None) -> list[Record]:
        return await transfer.transfer(server, zone, most, tell) if server else []

    return _asked(place, ask)


def from_zone_file(path: Path, zone: str, most: int) -> list[Record]:
    """Read a zone file.

    Raises:
        ProviderError: it cannot be read.

    """
    return transfer.from_file(path, zone, most)


def looked_up(place: Place | None, names: Iterable[str], zone: str, tell: Tell) -> Sorted:
    """Look names up, in the zone that is given, else in that which the server has for each.

    Raises:
        ProviderError: the server cannot be reached, or refuses.

    """
    wanted = list(dict.fromkeys(names))

    async def ask(server: Server | None) -> list[Candidate | LeftOut]:
        groups: dict[str, list[str]] = {}
        for name in wanted:
            known = zone or next((one for one in groups if is_within(name, one)), "")
            groups.setdefault(known or await dnslook.find_zone(server, name), []).append(name)
        found: list[Candidate | LeftOut] = []
        for one, inside in groups.items():
            for start in range(0, len(inside), _BATCH):
                served = await dnslook.served(server, one, inside[start : start + _BATCH])
                found += [_judged(one, each) for each in served]
                tell(len(found), len(wanted))
        return found

    return collected(_asked(place, ask))


def _judged(zone: str, served: dnslook.Served) -> Candidate | LeftOut:
    if served.problem:
        return LeftOut(served.name, served.problem)
    return candidate(zone, served.name, served.addresses, served.ttls)


def _asked(place: Place | None, question: Callable[[Server | None], Awaitable[T]]) -> T:
    async def run() -> T:
        if place is None:
            return await question(None)
        key = parse_credentials(place.credentials, "the key")
        server = connect(Resolver(*host_port(place.server, _PORT)), key, _TIMEOUT)
        try:
            return await question(server)
        finally:
            await server.exchange.close()

    _quiet()
    return asyncio.run(run())


def _quiet() -> None:
    journal.set_up(logging.ERROR, "text", os.environ)
