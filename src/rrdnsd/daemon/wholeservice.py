"""Checks whole services as a client sees them: the name is looked up where it is served, and an address of it asked.

It is an observation. Nothing is decided by it: what an endpoint is worth is told by the probes of that endpoint.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from rrdnsd.core.model import ProbeResult, RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.probes.base import Probe
from rrdnsd.probes.runner import close
from rrdnsd.providers.base import Provider

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Services that are checked at the same time."""


@dataclass(frozen=True, slots=True)
class WholeService:
    """A service to be checked: where its name is served, and what makes the probe of one address."""

    fqdn: str
    zone: str
    servers: tuple[Provider, ...]
    build: Callable[[str], Probe]


@dataclass(eq=False, slots=True)
class WholeServices:
    """Checks every service each `interval()` seconds; `tell` takes a service and a sentence when that changes.

    `results` holds what is wrong with each service that was looked at, "" if nothing is; it stays the same dictionary.
    """

    services: Callable[[], Sequence[WholeService]]
    ask: Callable[[Probe], Awaitable[ProbeResult]]
    tell: Callable[[str, str], None]
    interval: Callable[[], float]
    results: dict[str, str] = field(default_factory=dict)
    found: dict[str, dict[str, str]] = field(default_factory=dict)
    """What is wrong with each service, by server or address; nothing if it is well."""
    _turn: int = -1

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await asyncio.sleep(self.interval())
            await self.check_all()

    async def check_all(self) -> None:
        """Check each service once."""
        services, places = self.services(), asyncio.Semaphore(AT_ONCE)
        self._turn += 1

        async def check(service: WholeService) -> None:
            async with places:
                # One failure may be a lost packet, or a record on its way out.
                if await self._check(service):
                    await self._check(service)
                self._tell(service.fqdn)

        await asyncio.gather(*(check(service) for service in services))
        wanted = {service.fqdn for service in services}
        self.found = {fqdn: found for fqdn, found in self.found.items() if fqdn in wanted}
        for gone in self.results.keys() - wanted:
            del self.results[gone]

    async def _check(self, service: WholeService) -> bool:
        """Look the name up on one of the servers and ask one of the addresses, others the next time."""
        server = service.servers[self._turn % len(service.servers)]
        keys = [RRsetKey(service.fqdn, "A"), RRsetKey(service.fqdn, "AAAA")]
        bad = self.found.setdefault(service.fqdn, {})
        try:
            view = await server.fetch(service.zone, keys)
        except ProviderError as error:
            bad[server.label] = f"the name cannot be looked up: {error}"
            return True
        addresses = sorted({a for key in keys if key in view.rrsets for a in view.rrsets[key].addresses})
        if not addresses:
            bad[server.label] = view.problems.get(service.fqdn) or f"{server.label} serves no address"
            return True
        known = {*addresses, *(one.label for one in service.servers)} - {server.label}
        for gone in bad.keys() - known:
            del bad[gone]
        address = addresses[self._turn // len(service.servers) % len(addresses)]
        result = await self._ask(service.build(address))
        bad.pop(address, None)
        if not result.ok:
            bad[address] = f"{address}: {result.reason}"
        return not result.ok

    async def _ask(self, probe: Probe) -> ProbeResult:
        try:
            return await self.ask(probe)
        finally:
            close(probe)

    def _tell(self, fqdn: str) -> None:
        before, trouble = self.results.get(fqdn, ""), "; ".join(self.found[fqdn].values())
        self.results[fqdn] = trouble
        if bool(trouble) == bool(before):
            return
        sentence = as_a_client(fqdn, trouble)
        log.log(logging.WARNING if trouble else logging.INFO, "[probe] %s", sentence, extra={"service": fqdn})
        self.tell(fqdn, sentence)


def as_a_client(fqdn: str, trouble: str) -> str:
    """Say what a client of a service sees."""
    return f"{fqdn} as a client sees it: {trouble or 'well'}"
