"""The configuration file: it is either used, or each mistake is a printable sentence; what is exported says the same."""

import atexit
import shutil
import tempfile
from pathlib import Path

from rrdnsd.config import load
from rrdnsd.config.schema import Config, ServiceConfig
from rrdnsd.errors import ConfigError

FOLDER = Path(tempfile.mkdtemp(prefix="rrdnsd-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
WORDS = tuple(f'"{word}"' for kind in (Config, ServiceConfig) for word in kind.model_fields)


def target(data: bytes) -> None:
    """The first octet chooses between JSON and TOML."""
    if not data:
        return
    path = FOLDER / ("rrdnsd.toml" if data[0] & 1 else "rrdnsd.json")
    path.write_bytes(data[1:])
    try:
        config = load(path, {})
    except ConfigError as error:
        assert error.problems, "refused without a reason"
        for line in error.lines().splitlines():
            assert line.isprintable(), f"a sentence that would harm a terminal: {line!r}"
        return
    assert config.local_node in config.nodes
