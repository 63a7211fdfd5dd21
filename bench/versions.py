"""Follows the versions of a DNS server's zones from outside: when each is served, and what it took away.

A server that keeps a journal gives each UPDATE a serial of its own. So asking for the SOA record often is enough to
know when a change was visible, and one incremental transfer (IXFR, RFC 1995) tells afterwards which change it was.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import dns.message
import dns.rdatatype
import dns.rrset

EVERY = 0.01
"""Seconds between two questions about one zone."""

Record = tuple[str, str]
"""The name of an A record, and its address."""


@dataclass(frozen=True)
class Version:
    """One version of a zone: since when it is served (epoch seconds), and the records that came and went with it."""

    zone: str
    serial: int
    seen: float
    came: frozenset[Record]
    went: frozenset[Record]


@dataclass
class Watcher:
    """Asks for the serials of all zones until it is stopped, at the latest at the end of its block."""

    port: int
    zones: Sequence[str]
    seen: dict[str, dict[int, float]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.seen = {zone: {} for zone in self.zones}
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def stop(self) -> list[Version]:
        """Ask no more; tells all versions that were served meanwhile, the first of each zone left out."""
        self._stop.set()
        self._thread.join()
        return [version for zone in self.zones for version in self._versions(zone)]

    def _versions(self, zone: str) -> Iterator[Version]:
        times = self.seen[zone]
        for serial, came, went in differences(self.port, zone, min(times)):
            # One that was followed by another between two questions is visible with the next that was seen.
            seen = min(at for later, at in times.items() if later >= serial)
            yield Version(zone, serial, seen, came, went)

    def _ask(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.connect(("127.0.0.1", self.port))
            queries = {zone: dns.message.make_query(zone, "SOA", flags=0) for zone in self.zones}
            wires = {zone: query.to_wire() for zone, query in queries.items()}
            while not self._stop.wait(EVERY):
                for zone, wire in wires.items():
                    # A server that is busy, or gone, tells no serial; the next question may find it again.
                    with suppress(OSError):
                        sock.send(wire)
                        while (answer := sock.recv(4096))[:2] != wire[:2]:
                            pass  # one that comes too late for its own question
                        self.seen[zone].setdefault(_serial(answer, len(wire)), time.time())


def _serial(answer: bytes, question_ends: int) -> int:
    """Find the serial in the answer to a question for SOA, without the cost of reading it whole."""
    at = question_ends + 12  # a pointer to the name, type, class, TTL, length
    for _ in range(2):  # the names of the primary and of the hostmaster
        while answer[at] not in {0, 0xC0}:
            at += 1 + answer[at]
        at += 2 if answer[at] else 1
    return int(struct.unpack_from("!I", answer, at)[0])


def differences(
    port: int, zone: str, since: int
) -> Iterator[tuple[int, frozenset[Record], frozenset[Record]]]:
    """Give the serial of each version after this one, and the A records that came and went with it."""
    went: set[Record] = set()
    came: set[Record] = set()
    serial, adding = None, True
    records = _transfer(port, zone, dns.rdatatype.IXFR, since)
    if _starts_as_whole_zone(records):
        raise SystemExit(f"the server no longer knows what has changed in {zone} since {since}")
    for rrset in records[1:]:
        if rrset.rdtype == dns.rdatatype.SOA:
            adding = not adding
            if adding:
                serial = rrset[0].serial
            elif serial is not None:
                yield serial, frozenset(came - went), frozenset(went - came)
                went, came = set(), set()
        elif rrset.rdtype == dns.rdatatype.A:
            name = rrset.name.to_text(omit_final_dot=True)
            (came if adding else went).update((name, record.address) for record in rrset)


def addresses(port: int, zones: Sequence[str]) -> set[Record]:
    """Transfer whole zones, and return their A records."""
    return {
        (rrset.name.to_text(omit_final_dot=True), record.address)
        for zone in zones
        for rrset in _transfer(port, zone, dns.rdatatype.AXFR)
        if rrset.rdtype == dns.rdatatype.A
        for record in rrset
    }


def _transfer(port: int, zone: str, kind: dns.rdatatype.RdataType, since: int = 0) -> list[dns.rrset.RRset]:
    """Return all records in their order, the SOA of the newest version first and last."""
    query = dns.message.make_query(zone, kind, flags=0)
    if kind == dns.rdatatype.IXFR:
        query.authority.append(dns.rrset.from_text(zone + ".", 0, "IN", "SOA", f". . {since} 0 0 0 0"))
    wire = query.to_wire()
    found: list[dns.rrset.RRset] = []
    with socket.create_connection(("127.0.0.1", port), 10) as sock, sock.makefile("rb") as stream:
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        while not _whole(found, kind, since):
            (length,) = struct.unpack("!H", stream.read(2))
            found += dns.message.from_wire(stream.read(length), one_rr_per_rrset=True).answer
    return found


def _whole(found: Sequence[dns.rrset.RRset], kind: dns.rdatatype.RdataType, since: int) -> bool:
    serials = [rrset[0].serial for rrset in found if rrset.rdtype == dns.rdatatype.SOA]
    if kind == dns.rdatatype.AXFR or _starts_as_whole_zone(found):
        return serials.count(serials[0]) == 2 if serials else False
    # RFC 1995, section 4: one SOA where nothing has changed; else the newest also heads the last additions.
    return bool(serials) and (serials[0] == since or serials.count(serials[0]) == 3)


def _starts_as_whole_zone(found: Sequence[dns.rrset.RRset]) -> bool:
    """Tell whether a server that was asked for differences sends all records instead."""
    return len(found) > 1 and found[1].rdtype != dns.rdatatype.SOA
