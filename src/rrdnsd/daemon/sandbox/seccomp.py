"""Refuses system calls that no part of rrdnsd needs, by libseccomp.

A list of what is refused, not of what is allowed: which calls Python, glibc, SQLite, OpenSSL and gRPC make differs from
version to version and from architecture to architecture, and a call that is missing in a list of allowed ones would take
the monitoring down. The groups are those that systemd.exec(5) keeps from services as well. A refused call gives EPERM.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from rrdnsd.daemon.sandbox.allowance import Allowance

_LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_NNP, _TSYNC, _LOG = 3, 4, 6  # enum scmp_filter_attr in seccomp.h
_BAD_ARCHITECTURE = 2
_EQUAL, _GREATER, _MASKED = 4, 6, 7  # enum scmp_compare
_UNKNOWN = -1
_SECOND = {"x86_64": ("x86",), "aarch64": ("arm",)}

_REFUSED = {
    "mounting": "mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsconfig fsmount fsopen fspick"
    " pivot_root chroot statmount listmount",
    "namespaces": "unshare setns",
    "other processes": "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd",
    "the kernel": "kexec_load kexec_file_load init_module finit_module delete_module create_module bpf perf_event_open"
    " userfaultfd io_uring_setup io_uring_enter io_uring_register lookup_dcookie",
    "keys": "add_key request_key keyctl",
    "the machine": "reboot swapon swapoff acct quotactl quotactl_fd nfsservctl sethostname setdomainname vhangup syslog"
    " _sysctl sysfs uselib ustat",
    "the clock": "settimeofday clock_settime clock_settime64 clock_adjtime clock_adjtime64 adjtimex stime",
    "raw hardware": "ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write modify_ldt vm86 vm86old",
    "files by number": "open_by_handle_at fanotify_init",
}
_PROGRAMS = "execve execveat"

_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of linux/sched.h (clone cannot make a time namespace)."""

_INET, _INET6, _NETLINK = 2, 10, 16
_OTHER_FAMILIES = (0, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15)
_TYPE_MASK, _RAW = 0xF, 3


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """A call that is refused with an error number, if each of `when` (argument, comparison, mask or value, value) holds."""

    call: str
    error: int = errno.EPERM
    when: tuple[tuple[int, int, int, int], ...] = ()


def refused(allowance: Allowance) -> Iterator[Rule]:
    """Give what is refused. Pure."""
    for calls in _REFUSED.values():
        for call in calls.split():
            yield Rule(call)
    if not allowance.programs:
        for call in _PROGRAMS.split():
            yield Rule(call)
    for flag in _NAMESPACES:
        yield Rule("clone", when=((0, _MASKED, flag, flag),))
    for family in _OTHER_FAMILIES:
        yield Rule("socket", errno.EAFNOSUPPORT, ((0, _EQUAL, family, 0),))
    yield Rule("socket", errno.EAFNOSUPPORT, ((0, _GREATER, _NETLINK, 0),))
    if not allowance.raw_sockets:
        for family in (_INET, _INET6):
            yield Rule("socket", when=((0, _EQUAL, family, 0), (1, _MASKED, _TYPE_MASK, _RAW)))


def refused_silently() -> Iterator[Rule]:
    """Give what C libraries try by themselves: clone3 hides its flags from filters; they use clone when it is unknown."""
    yield Rule("clone3", errno.ENOSYS)


def is_installed() -> bool:
    """Tell if the library is there."""
    return _library() is not None


def restrict(allowance: Allowance) -> bool:
    """Refuse these calls to all threads and to children from now on; False without the library.

    What is refused gets into the kernel's audit log, but for what is tried all the time.

    Raises:
        OSError: the kernel refuses.

    """
    library = _library()
    if library is None:
        return False
    _load(library, refused_silently(), log=False)
    _load(library, refused(allowance), log=True)
    return True


def _load(library: ctypes.CDLL, rules: Iterator[Rule], *, log: bool) -> None:
    context = ctypes.c_void_p(library.seccomp_init(_ALLOW))
    if not context.value:
        raise OSError(errno.ENOMEM, "seccomp_init failed")
    try:
        for name in _SECOND.get(os.uname().machine, ()):
            library.seccomp_arch_add(context, library.seccomp_arch_resolve_name(name.encode()))
        _set(library, context, _BAD_ARCHITECTURE, _ERRNO | errno.ENOSYS)
        _set(library, context, _NNP, 1)
        _set(library, context, _TSYNC, 1)
        if log:
            library.seccomp_attr_set(context, _LOG, 1)  # Linux 4.14; without it only the log is missing
        for rule in rules:
            _add(library, context, rule)
        _check(library.seccomp_load(context), "seccomp_load")
    finally:
        library.seccomp_release(context)


def _set(library: ctypes.CDLL, context: ctypes.c_void_p, attribute: int, value: int) -> None:
    _check(library.seccomp_attr_set(context, attribute, value), "seccomp_attr_set")


def _add(library: ctypes.CDLL, context: ctypes.c_void_p, rule: Rule) -> None:
    number = library.seccomp_syscall_resolve_name(rule.call.encode())
    if number == _UNKNOWN:  # newer than the library, or not on this architecture
        return
    compared = (_Comparison * max(1, len(rule.when)))(*(_Comparison(*each) for each in rule.when))
    done = library.seccomp_rule_add_array(context, _ERRNO | rule.error, number, len(rule.when), compared)
    if done not in {0, -errno.EDOM, -errno.EEXIST}:
        _check(done, f"seccomp_rule_add {rule.call}")


def _check(result: int, what: str) -> None:
    if result < 0:
        raise OSError(-result, f"{what} failed")


def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = (ctypes.c_uint32,)
    library.seccomp_attr_set.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32)
    library.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    library.seccomp_arch_add.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    library.seccomp_rule_add_array.argtypes = (
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint),
        ctypes.POINTER(_Comparison),
    )
    library.seccomp_load.argtypes = library.seccomp_release.argtypes = (ctypes.c_void_p,)
    return library
