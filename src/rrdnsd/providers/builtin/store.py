"""Keeps zones over restarts, as master files (RFC 1035, section 5) that people and other servers can read."""

import ipaddress
import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import dns.exception
import dns.rdataset
import dns.rdatatype
import dns.zone
from dns.rdtypes.ANY.SOA import SOA
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from rrdnsd.core.model import RRset, RRsetKey
from rrdnsd.providers.builtin.zone import APEX_TTL, Zone

log = logging.getLogger(__name__)

_HEAD = "; Written by rrdnsd, which reads it only when it starts. Stop rrdnsd before you change it."
_INCOMPLETE = "; incomplete: some managed names have never been published"
_WITHDRAWN = "; withdrawn: "


@dataclass(frozen=True, slots=True)
class Saved:
    """What is remembered of a zone."""

    name: str
    serial: int
    records: Mapping[RRsetKey, RRset]
    withdrawn: frozenset[str] = frozenset()
    complete: bool = True


def path_of(state_dir: str, zone: str) -> Path:
    """Tell where a zone is kept."""
    return Path(state_dir, "zones", f"{quote(zone, safe='')}.zone")


def save(path: Path, zone: Zone) -> None:
    """Write the zone so that a crash at any moment leaves either the old file or the new one.

    Raises:
        OSError: the file cannot be written.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    with beside.open("w", encoding="ascii") as file:
        file.write(to_text(zone))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_all(state_dir: str, names: Collection[str]) -> list[Saved]:
    """Read the zones of these names that were saved."""
    found = (load(path_of(state_dir, name), name) for name in names)
    return [saved for saved in found if saved]


def load(path: Path, name: str) -> Saved | None:
    """Read a zone; None if there is none. A file that makes no sense is set aside, and said so in the log."""
    try:
        return from_text(path.read_text(encoding="ascii"), name)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("[builtin] %s: the saved zone cannot be read: %s", path, os.strerror(error.errno or 0))
        return None
    except (dns.exception.DNSException, ValueError) as error:
        aside = path.with_suffix(".broken")
        log.warning(
            "[builtin] %s: the saved zone is broken (%s) and set aside as %s", path, error, aside.name
        )
        try:
            path.replace(aside)
        except OSError as failure:
            log.warning("[builtin] %s: cannot be set aside: %s", path, os.strerror(failure.errno or 0))
        return None


def to_text(zone: Zone) -> str:
    """Write the zone as a master file."""
    lines = [_HEAD, *(_WITHDRAWN + name for name in sorted(zone.withdrawn))]
    if not zone.complete:
        lines.append(_INCOMPLETE)
    lines.append(f"{zone.origin} {APEX_TTL} IN SOA {zone.soa}")
    lines += [f"{zone.origin} {APEX_TTL} IN NS {server}" for server in zone.ns]
    for key, rrset in sorted(zone.records.items()):
        lines += [f"{key.name}. {rrset.ttl} IN {key.rtype} {address}" for address in sorted(rrset.addresses)]
    return "\n".join([*lines, ""])


def from_text(text: str, name: str) -> Saved:
    """Read a master file; only the serial and the address records are taken from it.

    Raises:
        ValueError: something in it is not text of a zone.
        dns.exception.DNSException: it is no master file of this zone.

    """
    zone = dns.zone.from_text(text, origin=f"{name}.", relativize=False)
    records: dict[RRsetKey, RRset] = {}
    serial = 0
    for owner, rdataset in zone.iterate_rdatasets():
        host = owner.to_text(omit_final_dot=True).lower()
        if rdataset.rdtype == dns.rdatatype.SOA:
            serial = _serial(rdataset)
        elif rdataset.rdtype == dns.rdatatype.A:
            records[RRsetKey(host, "A")] = _rrset(rdataset)
        elif rdataset.rdtype == dns.rdatatype.AAAA:
            records[RRsetKey(host, "AAAA")] = _rrset(rdataset)
    lines = text.splitlines()
    withdrawn = frozenset(line.removeprefix(_WITHDRAWN) for line in lines if line.startswith(_WITHDRAWN))
    return Saved(name, serial, records, withdrawn, complete=_INCOMPLETE not in lines)


def _serial(rdatas: dns.rdataset.Rdataset) -> int:
    return next(rdata.serial for rdata in rdatas if isinstance(rdata, SOA))


def _rrset(rdataset: dns.rdataset.Rdataset) -> RRset:
    # dnspython writes some IPv6 addresses otherwise than RFC 5952 and the core do.
    texts = (str(ipaddress.ip_address(rdata.address)) for rdata in rdataset if isinstance(rdata, A | AAAA))
    return RRset(rdataset.ttl, frozenset(texts))
