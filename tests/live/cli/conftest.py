import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.served import Served
from support.terminal import Terminal

PROGRAM = Path(sys.executable).with_name("rrdnsd")


@pytest.fixture
def served(tmp_path):
    """The sample control behind the real HTTP interface."""
    with Served(tmp_path) as made:
        yield made


@pytest.fixture
def env(tmp_path):
    """An environment in which nothing of this machine is taken for rrdnsd's."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RRDNSD")}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        own.pop(name, None)
    return {**own, "TZ": "UTC", "RUNTIME_DIRECTORY": str(tmp_path), "SUDO_USER": "carol", "TERM": "xterm"}


@pytest.fixture
def rrdnsd(env):
    """Run a command to its end; without options it finds the socket in $RUNTIME_DIRECTORY."""

    def run(*args, stdin="", **more):
        return subprocess.run(
            [PROGRAM, *map(str, args)],
            env={**env, **more},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    return run


@pytest.fixture
def terminal(env):
    """Run a command on a terminal; all are closed at the end."""
    made = []

    def run(*args, columns=80, **more):
        made.append(Terminal([PROGRAM, *args], env={**env, **more}, columns=columns))
        return made[-1]

    yield run
    for one in made:
        one.close()
