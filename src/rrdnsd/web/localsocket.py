"""The Unix socket of the local administrator: who may open the file may do everything."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from rrdnsd.errors import StartupError

MODE = 0o660
_BACKLOG = 64


@contextlib.contextmanager
def open_socket(path: Path) -> Iterator[socket.socket]:
    """Listen at a path for as long as the block runs; a socket that nobody listens at any more is replaced.

    Raises:
        StartupError: another process listens there, something else is there, or the folder cannot be written.

    """
    try:
        _clear(path)
        sock = _listen(path)
    except OSError as error:
        raise StartupError(
            f"cannot open api.socket {path}: {error.strerror or error}; is its folder there, and may rrdnsd write to it?"
        ) from error
    own = path.stat()
    try:
        yield sock
    finally:
        sock.close()
        _remove(path, own)


def _clear(path: Path) -> None:
    """Remove what a process that has died left behind."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise StartupError(
                f"cannot open api.socket {path}: something that is no socket is there; remove it"
            )
        if _is_alive(path):
            raise StartupError(
                f"cannot open api.socket {path}: another process listens there; is rrdnsd running?"
            )
        path.unlink()


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True  # its queue is full
        except (ConnectionRefusedError, FileNotFoundError):
            return False
    return True


def _listen(path: Path) -> socket.socket:
    """Listen under another name first, so that nobody can connect before the permissions are right."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)
        try:
            sock.bind(str(fresh))
        finally:
            os.umask(before)
        fresh.chmod(MODE)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
        fresh.rename(path)
    except OSError:
        sock.close()
        raise
    return sock


def _remove(path: Path, own: os.stat_result) -> None:
    """Remove the file if it is still ours, not that of a process that has started since."""
    with contextlib.suppress(OSError):
        now = path.stat()
        if (now.st_dev, now.st_ino) == (own.st_dev, own.st_ino):
            path.unlink()
