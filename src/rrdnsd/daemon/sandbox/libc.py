"""The C library, for the few system calls that Python has no names for."""

import ctypes
import os


def prctl(option: int, *values: int) -> int:
    """Change how the kernel treats this process.

    Raises:
        OSError: it fails.

    """
    padded = (*values, 0, 0, 0, 0)[:4]
    return _checked(_libc().prctl(option, *map(ctypes.c_ulong, padded)))


def syscall(number: int, *values: "int | bytes | ctypes.c_void_p | None") -> int:
    """Make any system call; bytes are passed as a pointer to them.

    Raises:
        OSError: it fails.

    """
    return _checked(_libc().syscall(ctypes.c_long(number), *map(_argument, values)))


def capset(header: bytes, data: bytes) -> None:
    """Set the capabilities of this thread from the two structures of capabilities(7).

    Raises:
        OSError: it fails.

    """
    _checked(_libc().capset(header, data))


def _argument(value: "int | bytes | ctypes.c_void_p | None") -> object:
    return ctypes.c_long(value) if isinstance(value, int) else value


def _libc() -> ctypes.CDLL:
    found = ctypes.CDLL(None, use_errno=True)
    found.syscall.restype = ctypes.c_long
    return found


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
