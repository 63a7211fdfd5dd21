"""Drops the capabilities that nothing needs (capabilities(7)), from every set, and so for good."""

import contextlib
from collections.abc import Collection
from pathlib import Path
from struct import pack, unpack

from rrdnsd.daemon.sandbox import libc

_LAST = Path("/proc/sys/kernel/cap_last_cap")
_USUAL_LAST = 40
_VERSION_3 = 0x20080522
_CAPBSET_DROP, _AMBIENT, _AMBIENT_CLEAR_ALL = 24, 47, 4  # linux/prctl.h
_NAMES = ("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd")


def drop(keep: Collection[int]) -> None:
    """Keep these and no others.

    Raises:
        OSError: the kernel refuses.

    """
    kept = sum(1 << number for number in keep)
    held = status()
    permitted = held["CapPrm"] & kept
    libc.prctl(_AMBIENT, _AMBIENT_CLEAR_ALL)
    for number in range(_last() + 1):
        if held["CapBnd"] & ~kept & 1 << number:
            # Without CAP_SETPCAP that set cannot be changed, and with no new privileges nothing is ever taken from it.
            with contextlib.suppress(PermissionError):
                libc.prctl(_CAPBSET_DROP, number)
    low, high = unpack("=II", pack("=Q", permitted))
    libc.capset(pack("=Ii", _VERSION_3, 0), pack("=6I", low, low, 0, high, high, 0))


def status() -> dict[str, int]:
    """Return the sets of this process by their names in /proc/self/status."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    pairs = [line.split(":", 1) for line in lines if line.startswith("Cap")]
    return {name: int(value, 16) for name, value in pairs if name in _NAMES}


def _last() -> int:
    try:
        return int(_LAST.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _USUAL_LAST
