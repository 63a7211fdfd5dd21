"""Tries a configuration before it is written: one probe of each endpoint, one look at each name, and may we write?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import NamedTuple

from rrdnsd.compose import parts
from rrdnsd.compose.beginning.asking import Question, ask_all, said
from rrdnsd.compose.beginning.permission import may_update
from rrdnsd.config import Config, EffectiveProvider, ServiceConfig
from rrdnsd.config.effective import BUILTIN
from rrdnsd.config.text import count
from rrdnsd.core.model import EndpointKey, RRsetKey, RRType, ZoneView, rtype_of
from rrdnsd.errors import ProviderError
from rrdnsd.probes.base import CheckSpec
from rrdnsd.providers.base import Provider, Resolver
from rrdnsd.providers.keys import parse_credentials
from rrdnsd.providers.server import Server, connect

UPDATES = frozenset({"rfc2136", "nsupdate", "knsupdate"})
"""The update methods that speak RFC 2136 to the servers in update_resolvers."""

_FAMILIES: tuple[RRType, ...] = ("A", "AAAA")
_HEARTBEAT = "heartbeat"


class Finding(NamedTuple):
    """One thing that was tried for a service, and what came back."""

    service: str
    tried: str
    said: str
    ok: bool = True

    def line(self) -> str:
        """Say it in one line."""
        return f"{self.tried}: {self.said}"


async def try_out(config: Config, *, update: bool, tell: Callable[[Finding], None]) -> list[Finding]:
    """Try everything and tell each finding; with `update` the servers are asked whether they would take updates."""
    found: list[Finding] = []

    def take(findings: Sequence[Finding]) -> None:
        found.extend(findings)
        for finding in findings:
            tell(finding)

    take(await _probes(config))
    readers = parts.readers(config)
    try:
        for provider in config.effective_providers():
            take(
                [finding async for finding in _looks(config, provider, readers[provider.name], update=update)]
            )
    finally:
        await asyncio.gather(*(reader.close() for group in readers.values() for reader in group))
    return found


async def _probes(config: Config) -> list[Finding]:
    checks = [*_checks(config)]
    asked = [one for one in checks if not one.check.healthcheck.startswith(_HEARTBEAT)]
    results = await ask_all(asked)
    found = [
        Finding(one.key.service, f"probe {_url(one)}", said(result), result.ok)
        for one, result in zip(asked, results, strict=True)
    ]
    waiting = sorted({one.key.service for one in checks} - {one.key.service for one in asked})
    return found + [
        Finding(name, _HEARTBEAT, "not tried: the endpoints call by themselves") for name in waiting
    ]


def _checks(config: Config) -> Iterator[Question]:
    for service in map(config.effective, config.services):
        # A heartbeat needs the daemon's board; it is not asked here.
        check = parts.check_spec(service) if service.scheme != _HEARTBEAT else _passive(service.healthcheck)
        for endpoint in service.endpoints:
            yield Question(EndpointKey(service.fqdn, endpoint.address), check)


def _passive(healthcheck: str) -> CheckSpec:
    return CheckSpec(healthcheck, host="", timeout=1.0)


def _url(question: Question) -> str:
    address = question.key.address
    return question.check.healthcheck.partition("?")[0].replace(
        "{}", f"[{address}]" if ":" in address else address
    )


async def _looks(
    config: Config, provider: EffectiveProvider, readers: Sequence[Provider], *, update: bool
) -> AsyncIterator[Finding]:
    services = [service for service in config.services if service.provider == provider.name]
    if provider.method == BUILTIN:
        where = ", ".join(config.builtin_settings.listen)
        for service in services:
            yield Finding(service.fqdn, "DNS", f"not asked: rrdnsd itself will answer on {where}")
        return
    for number, reader in enumerate(readers):
        server = _server(provider, number) if update and provider.method in UPDATES else None
        for zone in provider.zones:
            for finding in await _zone(reader, server, zone, [one for one in services if one.zone == zone]):
                yield finding
        if server:
            await server.exchange.close()


async def _zone(
    reader: Provider, server: Server | None, zone: str, services: Sequence[ServiceConfig]
) -> list[Finding]:
    keys = [RRsetKey(service.fqdn, rtype) for service in services for rtype in _FAMILIES]
    try:
        view = await reader.fetch(zone, keys)
    except ProviderError as error:
        return [Finding(service.fqdn, "DNS", str(error), ok=False) for service in services]
    found = [_served(reader, service.fqdn, view) for service in services]
    if server:
        manageable = [service for service in services if service.fqdn not in view.problems]
        found += [await _permission(server, zone, service, view) for service in manageable]
    return found


def _server(provider: EffectiveProvider, number: int) -> Server:
    key = parse_credentials(provider.credentials)
    return connect(Resolver(*provider.resolvers[number]), key, provider.timeout)


async def _permission(server: Server, zone: str, service: ServiceConfig, view: ZoneView) -> Finding:
    rtypes = {rtype_of(endpoint.address) for endpoint in service.ipaddrs}
    may = await may_update(server, zone, service.fqdn, rtypes, view.rrsets)
    return Finding(service.fqdn, f"update on {server.resolver}", may.sentence, may.ok)


def _served(reader: Provider, name: str, view: ZoneView) -> Finding:
    what = f"DNS {reader.label.partition(' ')[2] or reader.label}"
    if problem := view.problems.get(name):
        return Finding(name, what, problem, ok=False)
    rrsets = [rrset for rtype in _FAMILIES if (rrset := view.rrsets.get(RRsetKey(name, rtype)))]
    if not rrsets:
        return Finding(name, what, "serves no address yet")
    number = sum(len(rrset.addresses) for rrset in rrsets)
    return Finding(name, what, f"serves {count(number, 'address')}, TTL {min(r.ttl for r in rrsets)} s")
