"""What the sandbox must know of process and machine beside the configuration: gathered once, before it is closed."""

import glob
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rrdnsd.config import plugins
from rrdnsd.config.loader import Loaded
from rrdnsd.config.socketpath import socket_path

_LOW_PORTS = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_USUALLY_LOW = 1024
_LOADERS = ("/lib/ld-*.so*", "/lib64/ld-*.so*", "/lib/*-linux-*/ld-*.so*")
_LONGEST_LINE = 256
_JOINED = ("", "[")


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts. `python` are the folders that the interpreter and its libraries lie in, `loaders` what starts a program.

    `files` are the secrets that the configuration refers to, by the path of their key. `low_ports` is the first port that
    needs no capability. `real` follows symbolic links, `interpreter` gives what a script's first line names ("" for
    none), `foreign` tells if a path belongs to another user, `pings_raw` if echo requests need a raw socket.
    """

    config_file: str
    state_dir: str | None = None
    socket: str | None = None
    credentials: str = ""
    files: tuple[tuple[str, str], ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    root: bool = False
    python: tuple[str, ...] = ()
    loaders: tuple[str, ...] = ()
    low_ports: int = _USUALLY_LOW
    pings_raw: Callable[[], bool] = lambda: False
    built_in: Mapping[str, frozenset[str]] = field(default_factory=dict)
    real: Callable[[str], str] = str
    interpreter: Callable[[str], str] = lambda _path: ""
    foreign: Callable[[str], bool] = lambda _path: False


def look_around(
    loaded: Loaded, state_dir: Path | None, env: Mapping[str, str], pings_raw: Callable[[], bool]
) -> Machine:
    """Gather the facts; nothing is changed."""
    socket = socket_path(loaded.config.api.socket, env) if loaded.config.api.enabled else None
    return Machine(
        config_file=str(loaded.path.absolute()),
        state_dir=str(state_dir.absolute()) if state_dir else None,
        socket=str(socket.absolute()) if socket else None,
        credentials=env.get("CREDENTIALS_DIRECTORY", ""),
        files=tuple(_files(loaded.raw, loaded)),
        env=env,
        root=os.geteuid() == 0,
        python=_python(),
        loaders=tuple(path for pattern in _LOADERS for path in glob.glob(pattern)),  # noqa: PTH207 -- a few patterns
        low_ports=_low_ports(),
        pings_raw=pings_raw,
        built_in=plugins.built_in(),
        real=os.path.realpath,
        interpreter=_interpreter,
        foreign=_foreign,
    )


def _files(value: object, loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Find each `file:PATH` of the configuration, as `resolve_secret` would."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key[:1] != "_":
                for at, path in _files(inner, loaded):
                    yield f"{key}{at if at[:1] in _JOINED else f'.{at}'}", path
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            for at, path in _files(inner, loaded):
                yield f"[{index}]{at if at[:1] in _JOINED else f'.{at}'}", path
    elif isinstance(value, str) and value.startswith("file:"):
        around = loaded.around
        folder = Path(around.env.get("CREDENTIALS_DIRECTORY") or around.folder)
        yield "", str((folder / value.removeprefix("file:")).absolute())


def _python() -> tuple[str, ...]:
    folders = {
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        sys.base_exec_prefix,
        str(Path(__file__).parents[2]),
    }
    folders |= {path for path in sys.path if path.startswith("/") and os.path.exists(path)}  # noqa: PTH110 -- text in, text out
    return tuple(sorted(path for path in folders if not any(str(up) in folders for up in Path(path).parents)))


def _low_ports() -> int:
    try:
        return int(_LOW_PORTS.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _USUALLY_LOW


def _interpreter(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- text in, text out
            line = file.read(_LONGEST_LINE).partition(b"\n")[0]
    except OSError:
        return ""
    words = line.removeprefix(b"#!").split()
    return os.fsdecode(words[0]) if line.startswith(b"#!") and words else ""


def _foreign(path: str) -> bool:
    try:
        return os.stat(path).st_uid != os.geteuid()  # noqa: PTH116 -- text in, text out
    except OSError:
        return False
