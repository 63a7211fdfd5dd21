"""Tells secondaries at once that a zone has changed (RFC 1996), again and again until they answer."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from rrdnsd.providers.base import Resolver
from rrdnsd.providers.builtin.answer import soa_rrset
from rrdnsd.providers.builtin.zone import Zone
from rrdnsd.providers.keys import TsigKey

log = logging.getLogger(__name__)

FIRST_WAIT = 1.0
"""Seconds to wait for an answer at first; then twice as long each time, up to MAX_WAIT, give or take a quarter."""

MAX_WAIT = 120.0
MAX_AT_ONCE = 50

_HEADER = 12
_PATIENCE = 5


class Notifier:
    """Sends NOTIFY to every secondary for each change; a newer change of a zone replaces the one before.

    `source` gives the address to send from, or None for the kernel's choice.
    """

    def __init__(
        self,
        secondaries: Sequence[Resolver],
        key: TsigKey | None,
        source: Callable[[Resolver], str | None],
        *,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self._secondaries = secondaries
        self._key = key
        self._source = source
        self._first_wait = first_wait
        self._tasks: dict[tuple[str, Resolver], asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)

    def announce(self, zone: Zone) -> None:
        """Start telling all secondaries of the zone's present serial."""
        for secondary in self._secondaries:
            before = self._tasks.get((zone.name, secondary))
            if before:
                before.cancel()
            task = asyncio.create_task(self._tell(zone, secondary), name=f"notify {secondary} of {zone.name}")
            self._tasks[zone.name, secondary] = task

    async def close(self) -> None:
        """Stop telling."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, zone: Zone, secondary: Resolver) -> None:
        wait, attempt, trouble = self._first_wait, 0, ""
        while True:
            attempt += 1
            deadline = asyncio.get_running_loop().time() + wait * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
            try:
                async with self._at_once, asyncio.timeout_at(deadline):
                    rcode = await self._exchange(zone, secondary)
            except TimeoutError:
                trouble = "no answer"
            except (OSError, dns.exception.DNSException) as error:
                trouble = str(error) or type(error).__name__
            else:
                _report(zone, secondary, rcode)
                return
            if attempt == _PATIENCE:
                log.warning(
                    "[builtin] %s was told %d times that %s has changed: %s",
                    secondary,
                    attempt,
                    zone.name,
                    trouble,
                )
            await asyncio.sleep(max(0.0, deadline - asyncio.get_running_loop().time()))
            wait = min(wait * 2, MAX_WAIT)

    async def _exchange(self, zone: Zone, secondary: Resolver) -> dns.rcode.Rcode:
        """Send one NOTIFY and wait for its answer.

        Raises:
            OSError: it cannot be sent, or nobody listens there.
            dns.exception.DNSException: the answer is signed wrongly or not at all.

        """
        query = _message(zone, self._key)
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bytes] = loop.create_future()
        source = self._source(secondary)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Answer(query.id, answered),
            remote_addr=(secondary.host, secondary.port),
            local_addr=(source, 0) if source else None,
        )
        try:
            transport.sendto(query.to_wire())
            return _read(await answered, query)
        finally:
            transport.abort()


class _NotSigned(dns.exception.DNSException):
    """the answer is not signed, though the NOTIFY was"""


class _Answer(asyncio.DatagramProtocol):
    """Waits for the answer with the right id; the socket is connected, so it comes from the right address."""

    def __init__(self, ident: int, answered: asyncio.Future[bytes]) -> None:
        self._ident = ident.to_bytes(2)
        self._answered = answered

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's signature
        if len(data) >= _HEADER and data[:2] == self._ident and data[2] & 0x80 and not self._answered.done():
            self._answered.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(exc)


def _message(zone: Zone, key: TsigKey | None) -> dns.message.Message:
    message = dns.message.Message()
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags |= dns.flags.AA
    message.find_rrset(
        message.question, zone.origin, dns.rdataclass.IN, dns.rdatatype.SOA, create=True, force_unique=True
    )
    message.answer.append(soa_rrset(zone))
    if key:
        message.use_tsig(key.for_dnspython())
    return message


def _read(wire: bytes, query: dns.message.Message) -> dns.rcode.Rcode:
    rcode = dns.rcode.Rcode(wire[3] & 0x0F)
    if rcode != dns.rcode.NOERROR:
        return rcode  # an error answer is often not signed
    answer = dns.message.from_wire(wire, keyring=query.keyring or False, request_mac=query.mac or b"")
    if query.keyring and not answer.had_tsig:
        raise _NotSigned
    return answer.rcode()


def _report(zone: Zone, secondary: Resolver, rcode: dns.rcode.Rcode) -> None:
    if rcode == dns.rcode.NOERROR:
        log.debug("[builtin] %s knows of %s with serial %d", secondary, zone.name, zone.serial)
    else:
        log.warning(
            "[builtin] %s answers the NOTIFY for %s with %s: is it a secondary of this zone, and does it allow NOTIFY from here?",
            secondary,
            zone.name,
            dns.rcode.to_text(rcode),
        )
