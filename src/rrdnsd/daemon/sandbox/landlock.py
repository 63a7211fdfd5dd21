"""Landlock (landlock(7), linux/landlock.h): files, TCP ports, signals and abstract sockets, as far as the kernel knows.

What each ABI brought: 1 files (Linux 5.13), 2 renaming between folders, 3 truncation (6.2), 4 TCP ports (6.7), 5 ioctl of
devices (6.10), 6 signals and abstract sockets (6.12), 7 refusals in the audit log (6.15). Debian 12's 6.1 has ABI 2.
"""

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from struct import pack

from rrdnsd.daemon.sandbox import libc
from rrdnsd.daemon.sandbox.allowance import Allowance, Right

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on all architectures that Debian has
_ASK_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_NO_NEW_PRIVS = 38  # linux/prctl.h

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = (
    1 << n for n in range(6, 13)
)
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_BIND_TCP, _CONNECT_TCP = 1, 2
_ABSTRACT, _SIGNAL = 1, 2
_LOG_NEW_EXEC = 1 << 1  # what is refused to a program that was started, too, gets into the audit log

_FILES_OF_ABI_1 = (1 << 13) - 1
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _READ_FILE | _READ_DIR
_MAKE = _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM
_RIGHTS = {
    Right.READ: _READ,
    Right.WRITE: _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE | _REFER | _TRUNCATE,
    Right.DEVICE: _READ | _WRITE_FILE | _IOCTL_DEV,
    Right.EXECUTE: _READ | _EXECUTE,
    Right.SOCKET: _READ_DIR | _MAKE_SOCK | _REMOVE_FILE,
}

NEWEST = 7
"""The newest ABI of which something is used here."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the kernel is told: bits that are handled, and so forbidden but for the rules; see the header file."""

    handled_files: int
    handled_ports: int
    scopes: int
    flags: int
    paths: tuple[tuple[str, int], ...]
    ports: tuple[tuple[int, int], ...]


def version() -> int:
    """Return the kernel's ABI, 0 where there is no Landlock or it is switched off."""
    try:
        return libc.syscall(_CREATE, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def in_force(allowance: Allowance, abi: int) -> Allowance:
    """Return what is allowed where the kernel enforces no more than this ABI."""
    why = f"the kernel's Landlock is of ABI {abi}" if abi else "the kernel has no Landlock"
    return replace(
        allowance,
        any_file=allowance.any_file or ("" if abi >= 1 else why),
        any_port=allowance.any_port or ("" if abi >= 4 else why),  # noqa: PLR2004 -- see above
        any_bind=allowance.any_bind or ("" if abi >= 4 else why),  # noqa: PLR2004 -- see above
        signals=allowance.signals or ("" if abi >= 6 else why),  # noqa: PLR2004 -- see above
        abstract_sockets=allowance.abstract_sockets or ("" if abi >= 6 else why),  # noqa: PLR2004 -- see above
    )


def rules(allowance: Allowance, abi: int) -> Rules:
    """Say it in the kernel's words. Pure."""
    real = in_force(allowance, abi)
    files = _FILES_OF_ABI_1
    for since, bit in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        files |= bit if abi >= since else 0
    files = 0 if real.any_file else files
    paths: dict[str, int] = {}
    for place in allowance.places if files else ():
        paths[place.path] = paths.get(place.path, 0) | _RIGHTS[place.right] & files
    connect, bind = (0 if real.any_port else _CONNECT_TCP), (0 if real.any_bind else _BIND_TCP)
    ports = [(port.number, _CONNECT_TCP) for port in allowance.connect if connect]
    ports += [(port.number, _BIND_TCP) for port in allowance.bind if bind]
    return Rules(
        handled_files=files,
        handled_ports=connect | bind,
        scopes=(0 if real.signals else _SIGNAL) | (0 if real.abstract_sockets else _ABSTRACT),
        flags=_LOG_NEW_EXEC if abi >= NEWEST else 0,
        paths=tuple(paths.items()),
        ports=tuple(ports),
    )


def restrict(wanted: Rules) -> None:
    """Let the kernel enforce the rules on this thread, and on all threads and children that it starts from now on.

    Paths that do not exist are left out; nothing can widen the rules later.

    Raises:
        OSError: the kernel refuses.

    """
    attributes = pack("=QQQ", wanted.handled_files, wanted.handled_ports, wanted.scopes)
    # A longer structure than an older kernel knows is fine with it, as long as the rest is zero.
    ruleset = libc.syscall(_CREATE, attributes, len(attributes), 0)
    try:
        for path, bits in wanted.paths:
            _add_path(ruleset, path, bits)
        for number, bits in wanted.ports:
            libc.syscall(_ADD, ruleset, _NET_PORT, pack("=QQ", bits, number), 0)
        libc.prctl(_NO_NEW_PRIVS, 1)
        libc.syscall(_RESTRICT, ruleset, wanted.flags)
    finally:
        os.close(ruleset)


def missing(paths: Iterable[str]) -> tuple[str, ...]:
    """Return those that do not exist."""
    return tuple(path for path in paths if not os.path.lexists(path))


def _add_path(ruleset: int, path: str, bits: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ELOOP}:
            return
        raise
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            bits &= _OF_FILES
        libc.syscall(_ADD, ruleset, _PATH_BENEATH, pack("=Qi", bits, opened), 0)
    finally:
        os.close(opened)
