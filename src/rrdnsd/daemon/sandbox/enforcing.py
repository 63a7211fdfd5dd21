"""Tells the kernel what is allowed: what it cannot enforce is said, and never a reason not to start."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from rrdnsd.daemon.sandbox import capabilities, landlock, libc, seccomp
from rrdnsd.daemon.sandbox.allowance import Allowance, Right

_NO_NEW_PRIVS, _DUMPABLE = 38, 4  # linux/prctl.h
_NO_LIBRARY = (
    "seccomp: libseccomp.so.2 is not installed (apt install libseccomp2), so no system call is refused"
)


@dataclass(frozen=True, slots=True)
class Kernel:
    """What can be enforced: the ABI of Landlock, 0 without it, and whether there is seccomp."""

    landlock: int
    seccomp: bool


@dataclass(frozen=True, slots=True)
class Confined:
    """What is in force, and what is not and why, one sentence each."""

    allowance: Allowance
    kernel: Kernel
    troubles: tuple[str, ...] = ()


def ask_kernel() -> Kernel:
    """Find out what can be enforced; nothing is changed."""
    return Kernel(landlock.version(), seccomp.is_installed())


def confine(allowance: Allowance, kernel: Kernel) -> Confined:
    """Lock this process in, for good. To be called before any thread is started."""
    troubles = list(shortcomings(kernel))

    def attempt(what: str, step: Callable[[], object]) -> bool:
        try:
            step()
        except OSError as error:
            troubles.append(f"{what}: the kernel refuses: {error.strerror}")
            return False
        return True

    found = landlock.missing(place.path for place in allowance.places if place.right is Right.WRITE)
    troubles += [f"{path} does not exist, so nothing can be written there until a restart" for path in found]
    # No core dumps, which would hold the secrets, and no other process of this user that reads them.
    attempt("core dumps", lambda: libc.prctl(_DUMPABLE, 0))
    attempt("no new privileges", lambda: libc.prctl(_NO_NEW_PRIVS, 1))
    abi = kernel.landlock
    if abi and not attempt("Landlock", lambda: landlock.restrict(landlock.rules(allowance, abi))):
        abi = 0
    kept = [capability.number for capability in allowance.capabilities]
    attempt("capabilities", lambda: capabilities.drop(kept))
    if kernel.seccomp:
        attempt("seccomp", lambda: seccomp.restrict(allowance))
    with contextlib.suppress(OSError):
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 -- only their number
        if threads > 1:
            troubles.append(f"{threads - 1} threads were there before, and are not bound by Landlock")
    return Confined(landlock.in_force(allowance, abi), Kernel(abi, kernel.seccomp), tuple(troubles))


def shortcomings(kernel: Kernel) -> tuple[str, ...]:
    """Say what cannot be enforced."""
    found = []
    if not kernel.landlock:
        found.append(
            "Landlock: this kernel has none (Linux 5.13 and lsm=landlock), so files and ports are not bounded"
        )
    return (*found, *(() if kernel.seccomp else (_NO_LIBRARY,)))
