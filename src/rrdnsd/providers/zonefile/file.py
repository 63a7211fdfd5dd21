"""Replaces a zone file in one step: written beside, synchronised, renamed. Blocking: for a thread.

Whoever reads the file sees the old or the new text, whole, whenever this process or the machine dies.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rrdnsd.errors import ProviderError

_LOCK_MODE = 0o644  # others must be able to open it for flock(1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a file held when it was read. The text is Latin-1, by which every byte survives."""

    text: str
    inode: int
    changed_ns: int


def read(path: Path) -> Snapshot:
    """Read the whole file.

    Raises:
        ProviderError: it cannot be read.

    """
    try:
        with path.open("rb") as file:
            content, found = file.read(), os.fstat(file.fileno())
    except OSError as error:
        raise ProviderError(f"the zone file {path} cannot be read: {error.strerror}") from None
    return Snapshot(content.decode("latin-1"), found.st_ino, found.st_mtime_ns)


def beside(path: Path) -> Path:
    """Name the file in which the new text is put together."""
    return path.with_name(f".{path.name}.rrdnsd")


def lock_of(path: Path) -> Path:
    """Name the file that is locked during a change."""
    return path.with_name(f"{path.name}.lock")


@contextlib.contextmanager
def opened_lock(path: Path) -> Iterator[int]:
    """Open the lock file of a zone file; closing it gives the lock back.

    Raises:
        ProviderError: it cannot be opened or created.

    """
    lock = lock_of(path)
    try:
        opened = os.open(lock, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _LOCK_MODE)
    except OSError as error:
        raise ProviderError(_unwritable(lock, error)) from None
    try:
        yield opened
    finally:
        os.close(opened)


def locks(opened: int) -> bool:
    """Try to get the lock; somebody else may hold it."""
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def write_beside(path: Path, text: str) -> None:
    """Write the new text to disk, not yet under the file's name; with the owner, group and mode of the file.

    Raises:
        ProviderError: it cannot be written; nothing is left of it then.

    """
    new = beside(path)
    try:
        new.unlink(missing_ok=True)  # what an earlier run left behind when it was killed
        opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(opened, "wb") as file:  # noqa: PTH123 -- a descriptor has no path
                file.write(text.encode("latin-1"))
                file.flush()
                _look_like(path, file.fileno())
                os.fsync(file.fileno())
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ProviderError(_unwritable(new, error)) from None


def put(path: Path, seen: Snapshot) -> bool:
    """Rename the new text over the file, unless the file is not what was `seen` any more: then it is left alone.

    Raises:
        ProviderError: it cannot be renamed.

    """
    new = beside(path)
    if read(path) != seen:
        new.unlink(missing_ok=True)
        return False
    try:
        os.replace(new, path)  # noqa: PTH105 -- one way to write the step that must be atomic
        _sync_folder(path.parent)
    except OSError as error:
        raise ProviderError(_unwritable(path, error)) from None
    return True


def drop(path: Path) -> None:
    """Remove the new text that shall not be used; never raises."""
    with contextlib.suppress(OSError):
        beside(path).unlink(missing_ok=True)


def _look_like(path: Path, opened: int) -> None:
    model, made = path.stat(), os.fstat(opened)
    if (made.st_uid, made.st_gid) != (model.st_uid, model.st_gid):
        try:
            os.fchown(opened, model.st_uid, model.st_gid)
        except PermissionError:
            raise ProviderError(
                f"the zone file {path} would not keep its owner and group ({model.st_uid}:{model.st_gid}): let the "
                "user that runs rrdnsd own it, and belong to its group"
            ) from None
    os.fchmod(opened, model.st_mode & 0o7777)
    for name in os.listxattr(path):
        with contextlib.suppress(
            OSError
        ):  # some are not for users to set; the server is seen to read it anyway
            os.setxattr(opened, name, os.getxattr(path, name))


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _unwritable(path: Path, error: OSError) -> str:
    return f"{path} cannot be written: {error.strerror}; rrdnsd puts the new zone file together beside the old one"
