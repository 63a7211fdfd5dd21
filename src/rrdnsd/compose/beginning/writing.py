"""Puts new files in their place: whole or not at all, checked by the daemon's own loader, for the right eyes only."""

import contextlib
import grp
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from rrdnsd.compose.looking import look
from rrdnsd.config.credentials import Surroundings
from rrdnsd.config.hiding import masked
from rrdnsd.config.loader import effective_raw, load, ordered, sentence, validate
from rrdnsd.config.schema import Config
from rrdnsd.errors import ConfigError, StartupError

GROUP = "rrdnsd"
"""The group of the daemon's user: it may read what root writes for it, where there is one."""

_SECRET, _SHARED, _OPEN = 0o600, 0o640, 0o644


def checked(raw: Mapping[str, object], folder: Path, env: Mapping[str, str]) -> Config:
    """Check a configuration that is not written yet as the loader would.

    Raises:
        ConfigError: it has mistakes; the error holds a sentence for each.

    """
    around = Surroundings(folder.absolute(), env)
    plain = effective_raw(raw, around)
    config, problems = validate(plain, around, look)
    if config is None or problems:
        raise ConfigError("the configuration", [sentence(problem) for problem in ordered(problems, plain)])
    return config


def write_config(
    path: Path, text: str, raw: Mapping[str, object], env: Mapping[str, str], *, replace: bool
) -> None:
    """Write the file, let the loader read it, and only then give it its name.

    It is readable by everybody unless a secret stands in it. A file that is replaced leaves its mode and owner.

    Raises:
        ConfigError: the loader finds mistakes.
        StartupError: it cannot be written, or is there already and shall not be replaced.

    """
    mode = _OPEN if masked(raw) == raw else _SHARED
    with _new_file(path, text, mode, replace=replace) as made:
        try:
            load(made, env, look)
        except ConfigError as error:
            raise ConfigError(str(path), list(error.problems)) from None


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read; made by root, the daemon's group may as well. Never replaces one.

    Raises:
        StartupError: it cannot be written, or is there already.

    """
    with _new_file(path, text, _SECRET, replace=False):
        pass


@contextlib.contextmanager
def _new_file(path: Path, text: str, mode: int, *, replace: bool) -> Iterator[Path]:
    """Write beside the place; take the place if nothing is raised meanwhile, else leave nothing."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise StartupError(f"{path} cannot be written: {_why(error)}") from None
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            _dress(file.fileno(), path, mode, replace=replace)
            os.fsync(file.fileno())
        yield made
        if replace:
            made.replace(path)
        else:
            path.hardlink_to(made)  # fails where a rename would replace
    except OSError as error:
        raise StartupError(f"{path} cannot be written: {_why(error)}") from None
    finally:
        made.unlink(missing_ok=True)


def _dress(file: int, path: Path, mode: int, *, replace: bool) -> None:
    """Give mode and owner: those of the file it replaces, else by what is in it."""
    with contextlib.suppress(FileNotFoundError):
        if replace:
            there = path.stat()
            os.fchmod(file, there.st_mode & 0o7777)
            with contextlib.suppress(PermissionError):
                os.fchown(file, there.st_uid, there.st_gid)
            return
    if mode != _OPEN and os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            os.fchown(file, 0, grp.getgrnam(GROUP).gr_gid)
            mode = _SHARED
    os.fchmod(file, mode)


def _why(error: OSError) -> str:
    return "it is there already" if isinstance(error, FileExistsError) else error.strerror or str(error)
