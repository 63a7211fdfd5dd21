import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from support.ports import free_port

PAGE = Path(__file__).parents[3] / "docs" / "plugins.md"
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)```", re.DOTALL | re.MULTILINE)
COMMANDS = re.compile(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


class Walk:
    """The page with a folder and ports of its own: its files, its blocks of commands, and what these print."""

    def __init__(self, folder):
        self.folder = folder
        self.site = folder / "site"
        page = PAGE.read_text().replace("/tmp/walk", str(folder))
        page = page.replace("11211", str(free_port("127.0.0.2", "127.0.0.3")))
        page = page.replace("3333", str(free_port("127.0.0.1")))
        self.blocks = COMMANDS.findall(page)
        for name, text in FILE.findall(page):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        stubs = folder / "stubs"
        stubs.mkdir()
        # As the page has it, but into a folder of its own, and without asking anybody for anything.
        offline = "--quiet --no-index --no-deps --no-build-isolation --disable-pip-version-check"
        pip = f'#!/bin/sh\nshift\nexec "{sys.executable}" -m pip install {offline} --target "{self.site}" "$@"\n'
        (stubs / "pip").write_text(pip)
        (stubs / "pip").chmod(0o755)
        self.env = {
            **os.environ,
            "PATH": f"{stubs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.site),
            "PIP_ROOT_USER_ACTION": "ignore",
        }

    def run(self, commands):
        done = subprocess.run(
            ["bash", "-c", commands], env=self.env, check=False, capture_output=True, text=True, timeout=90
        )
        return done.stdout + done.stderr

    def stop(self):
        for file in self.folder.glob("*.pid"):
            with suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.fixture(scope="session")
def walk(tmp_path_factory):
    if not shutil.which("memcached"):
        pytest.skip("memcached is not installed")
    made = Walk(tmp_path_factory.mktemp("walk"))
    yield made
    made.stop()
