"""Which serial a zone gets when several nodes serve it. Pure: each node decides alone, from what it has heard.

Secondaries take the highest serial they see, from whichever node. So a node leads, with a serial above all that
it knows, only with content that it can stand for; until then it answers queries with it and offers to secondaries
what it offered before. Serials are compared as RFC 1982 says; 0 means none.
"""

import hashlib
import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from rrdnsd.core.model import RRset, RRsetKey

MAX_SERIAL = 2**32 - 1

_HALF = 2**31
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Edition:
    """What a node offers to secondaries: a zone's serial, and the digest of its address RRsets with their TTLs."""

    serial: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a node knows of its own edition's place among the others. Times are on a monotonic clock.

    `heard` is the newest edition of another node; its digest is "" when nodes contradict each other. `unverified`
    are names that were restored and not looked at since; `verified_at` is when the last name was. A node is to
    lead with what it has if it `owes` a change that waited, and once after it was `restored`: secondaries may have
    seen what a crash made it forget.
    """

    heard: Edition = Edition()
    heard_at: float = -math.inf
    unverified: frozenset[str] = frozenset()
    verified_at: float = -math.inf
    owes: bool = False
    restored: bool = False


def newer(one: int, other: int) -> bool:
    """Whether a secondary that has the serial `other` takes `one` (RFC 1982, section 3.2)."""
    return 0 < (one - other) % 2**32 < _HALF


def next_serial(current: int, floor: int, now: float) -> int:
    """Choose a serial above `current` and `floor` that is the POSIX time if that is higher; 0 stands for none.

    What is not newer by RFC 1982 does not count: a clock or a peer that is off by decades moves nothing.
    """
    posix = int(now) % 2**32
    serial = _after(current) if current else posix or 1
    for candidate in (_after(floor) if floor else 0, posix):
        if candidate and newer(candidate, serial) and (not current or newer(candidate, current)):
            serial = candidate
    return serial


def hear(standing: Standing, own: int, other: Edition, now: float) -> Standing:
    """Take in another node's edition; the same standing comes back if it is no news to who has the serial `own`."""
    heard = standing.heard
    if own and not newer(other.serial, own):
        return standing
    if other.serial == heard.serial:
        contradicts = heard.digest not in {"", other.digest}
        return replace(standing, heard=Edition(heard.serial), heard_at=now) if contradicts else standing
    if heard.serial and not newer(other.serial, heard.serial):
        return standing
    return replace(standing, heard=other, heard_at=now)


def is_behind(standing: Standing, own: int) -> bool:
    """Whether another node has a newer edition than the serial `own`."""
    heard = standing.heard.serial
    return bool(heard) and (not own or newer(heard, own))


def verify(standing: Standing, names: Collection[str], now: float) -> Standing:
    """Take in that the content of these names was compared with what it shall be."""
    left = standing.unverified.difference(names)
    return standing if left == standing.unverified else replace(standing, unverified=left, verified_at=now)


def takes_over(standing: Standing, own: int, digest: str) -> bool:
    """Whether content is that of a newer edition of another node, and so can have its serial."""
    return is_behind(standing, own) and digest == standing.heard.digest


def may_lead(standing: Standing, own: int, settle: float, now: float) -> bool:
    """Whether a change made now may go above every edition.

    Not before all restored names are verified. And not within `settle` seconds after a newer edition was heard
    of: it is probably a change which this node is about to make too, and its content now is older.
    """
    fresh = is_behind(standing, own) and now - standing.heard_at < settle
    return not standing.unverified and not fresh


def lead_at(standing: Standing, own: int, settle: float) -> float | None:
    """Tell when the node is to lead with what it has, unless something happens before; None for never."""
    if standing.unverified or not (standing.owes or standing.restored):
        return None
    return settle + max(standing.verified_at, standing.heard_at if is_behind(standing, own) else -math.inf)


def entry(key: RRsetKey, rrset: RRset) -> int:
    """Hash one RRset; the sum over a zone, modulo 2**128, is its content's digest, so a change costs little."""
    text = f"{key.name} {rrset.ttl} {key.rtype} {' '.join(sorted(rrset.addresses))}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest())


def digest_text(total: int) -> str:
    """Write a sum of entries as hex digits."""
    return f"{total % (1 << 8 * _DIGEST_BYTES):0{2 * _DIGEST_BYTES}x}"


def _after(serial: int) -> int:
    return serial % MAX_SERIAL + 1
