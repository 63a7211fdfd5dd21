"""The command language that nsupdate and knsupdate share, as text for their standard input."""

import math
from collections.abc import Iterator, Sequence

from rrdnsd.core.model import NameChange, RRsetChange
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.keys import TsigKey


def arguments(timeout: float) -> list[str]:
    """TCP only, one try; the tool knows whole seconds only."""
    return ["-v", "-t", str(math.ceil(timeout)), "-r", "0"]


def render(resolver: Resolver, key: TsigKey | None, zone: str, changes: Sequence[NameChange]) -> str:
    """Write the standard input for one message. Names are absolute, and the key always has its algorithm.

    Both tools understand it; knsupdate wants the zone, nsupdate would guess it.
    """
    lines = [f"server {resolver.host} {resolver.port}", f"zone {zone}."]
    if key:
        lines.append(f"key {key.algorithm}:{key.name} {key.base64}")
    rrsets = [rrset for change in changes for rrset in change.rrsets]
    lines += [line for rrset in rrsets for line in _prerequisites(rrset)]
    lines += [line for rrset in rrsets for line in _updates(rrset)]
    return "\n".join([*lines, "send", ""])


def _prerequisites(change: RRsetChange) -> Iterator[str]:
    owner, rtype = f"{change.key.name}.", change.key.rtype
    if change.before is None:
        yield f"prereq nxrrset {owner} IN {rtype}"
        return
    for address in sorted(change.before.addresses):
        yield f"prereq yxrrset {owner} IN {rtype} {address}"


def _updates(change: RRsetChange) -> Iterator[str]:
    owner, rtype = f"{change.key.name}.", change.key.rtype
    if change.before is not None:
        yield f"update delete {owner} IN {rtype}"
    if change.after is not None:
        for address in sorted(change.after.addresses):
            yield f"update add {owner} {change.after.ttl} IN {rtype} {address}"
