"""Authoritative DNS servers that keep RFC 2136's prerequisites, and the provider that reads and writes them.

An UPDATE goes over as the real bytes of `providers.message`, in the batches of `providers.batches`, so that
its prerequisites are the ones a real server would get.
"""

import asyncio
import ipaddress
import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from rrdnsd.core.model import Applied, NameChange, Plan, RRset, RRsetKey, RRType, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers import batches
from rrdnsd.providers.message import render_update
from rrdnsd.providers.outcome import Outcome, Stale, TooBig, Written
from simulation.faults import Conditions
from simulation.kernel import Kernel, ProcessLoop
from simulation.scenario import DNS_TIMEOUT

T = TypeVar("T")

QUICK = 0.02
"""Seconds at most to a DNS server, and back from it, where all is well."""

_TYPES: Mapping[int, RRType] = {1: "A", 28: "AAAA"}
_IN, _NONE, _ANY = 1, 254, 255

Sent = Callable[[str, Sequence[NameChange], float], None]
"""Told that a node sends an UPDATE to a server with these changes, and when they were planned."""
Changed = Callable[[str, NameChange, RRsetKey, RRset | None, RRset | None], None]
"""Told what an UPDATE did to an RRset of a server: what the writer had meant, what was served before and after."""


@dataclass(slots=True)
class DnsServer:
    """One authoritative server with the address records of all zones."""

    name: str
    changed: Changed
    records: dict[RRsetKey, RRset] = field(default_factory=dict)

    def look(self, keys: Collection[RRsetKey]) -> ZoneView:
        return ZoneView({key: self.records[key] for key in keys if key in self.records})

    def update(self, wire: bytes, changes: Sequence[NameChange]) -> Outcome:
        """Carry out an UPDATE whole, or not at all (RFC 2136, section 3). `changes` is what its writer meant."""
        prerequisites, updates = _read(wire)
        required: dict[RRsetKey, set[str]] = {}
        for key, kind, _, address in prerequisites:
            required.setdefault(key, set()).update([address] if kind == _IN else [])
        for key, addresses in required.items():
            served = self.records.get(key)
            if (served.addresses if served else set()) != addresses:
                return Stale()
        found = {key: self.records.get(key) for key, *_ in updates}
        for key, kind, ttl, address in updates:
            old = self.records.get(key)
            if kind == _ANY:
                self.records.pop(key, None)
            else:
                self.records[key] = RRset(ttl, (old.addresses if old else frozenset()) | {address})
        meant = {change.name: change for change in changes}
        for key, before in found.items():
            self.changed(self.name, meant[key.name], key, before, self.records.get(key))
        return Written()


class SimulatedProvider:
    """One node's way to one server; see `providers.base.Provider`."""

    def __init__(
        self,
        me: str,
        server: DnsServer,
        loop: ProcessLoop,
        kernel: Kernel,
        rng: Random,
        conditions: Conditions,
        sent: Sent,
    ) -> None:
        self.label = f"default {server.name}"
        self._me = me
        self._server = server
        self._loop = loop
        self._kernel = kernel
        self._rng = rng
        self._conditions = conditions
        self._sent = sent

    async def start(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Nothing is open."""

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:  # noqa: ARG002 - the contract
        return await self._ask(lambda: self._server.look(keys))

    async def apply(self, plan: Plan) -> Applied:
        planned = self._kernel.now

        async def send(changes: Sequence[NameChange]) -> Outcome:
            wire = render_update(1, plan.zone, changes)
            if wire is None:
                return TooBig()
            self._sent(self._server.name, changes, planned)
            return await self._ask(lambda: self._server.update(wire, changes))

        async def look(keys: Collection[RRsetKey]) -> ZoneView:
            return await self.fetch(plan.zone, keys)

        return await batches.write(plan, send, look)

    async def _ask(self, act: Callable[[], T]) -> T:
        """Let the server do something, which may happen, or be answered, too late or not at all."""
        if self._loop.dying:
            raise ProviderError("this process ends")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._carry(lambda: self._arrive(act, answer))
        try:
            async with asyncio.timeout(DNS_TIMEOUT):
                return await answer
        except TimeoutError:
            raise ProviderError(f"{self._server.name} did not answer within {DNS_TIMEOUT:g} s") from None

    def _arrive(self, act: Callable[[], T], answer: asyncio.Future[T]) -> None:
        kinds = {fault.kind for fault in self._conditions.dns(self._server.name, self._me)}
        if "dns down" in kinds:
            self._reply(answer, ProviderError(f"{self._server.name}: connection refused"))
        elif "dns refuses" in kinds:
            self._reply(answer, ProviderError(f"{self._server.name} answers REFUSED"))
        else:
            self._reply(answer, act())

    def _reply(self, answer: asyncio.Future[T], given: T | ProviderError) -> None:
        self._carry(lambda: self._kernel.post(self._kernel.now, self._loop, _settle, answer, given))

    def _carry(self, arrive: Callable[[], object]) -> None:
        faults = self._conditions.dns(self._server.name, self._me)
        kinds = {fault.kind for fault in faults}
        lost = "dns unreachable" in kinds or self._conditions.isolated(self._me)
        lost = lost or ("dns loses" in kinds and self._rng.random() < 0.3)
        slow = max((fault.amount for fault in faults if fault.kind == "dns slow"), default=QUICK)
        if not lost:
            self._kernel.at(self._kernel.now + self._rng.uniform(0.001, slow), arrive)


def _settle(future: asyncio.Future[T], given: T | ProviderError) -> None:
    if future.done():
        return
    if isinstance(given, ProviderError):
        future.set_exception(given)
    else:
        future.set_result(given)


_Record = tuple[RRsetKey, int, int, str]


def _read(wire: bytes) -> tuple[list[_Record], list[_Record]]:
    """Read the prerequisites and the updates of an UPDATE; each is RRset, class, TTL and address."""
    _, _, zones, prerequisites, updates, _ = struct.unpack_from("!HHHHHH", wire)
    assert zones == 1
    zone, place = _name(wire, 12)
    records = _records(wire, place + 4, zone)
    return [next(records) for _ in range(prerequisites)], [next(records) for _ in range(updates)]


def _records(wire: bytes, place: int, zone: str) -> Iterator[_Record]:
    while place < len(wire):
        name, place = _name(wire, place, zone)
        rtype, kind, ttl, length = struct.unpack_from("!HHIH", wire, place)
        place += 10
        data = wire[place : place + length]
        place += length
        yield RRsetKey(name, _TYPES[rtype]), kind, ttl, str(ipaddress.ip_address(data)) if data else ""


def _name(wire: bytes, place: int, zone: str = "") -> tuple[str, int]:
    labels = []
    while length := wire[place]:
        if length >= 0xC0:  # a compression pointer; only the zone's name is ever pointed to
            return ".".join([*labels, zone]), place + 2
        labels.append(wire[place + 1 : place + 1 + length].decode())
        place += 1 + length
    return ".".join(labels), place + 1
