"""docs/plugins.md, block after block: its files are written, its commands are run, and they print what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.daemon import until

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def installed(walk):
    commands, printed = walk.blocks[0]
    assert walk.run(commands) == printed
    return walk


def test_every_command_of_the_page(installed):
    walk = installed
    _, wrong, start, one_dies, it_is_back, (stop, _) = walk.blocks
    assert walk.run(wrong[0]) == wrong[1]
    for commands, printed in (start, one_dies, it_is_back):
        change, show = re.fullmatch(r"(.*)sleep \d\n(cat .*)\n", commands, re.DOTALL).groups()
        assert walk.run(change) == ""
        look = f"cd {walk.folder}; {show}"
        until(
            lambda look=look, printed=printed: walk.run(look) == printed,
            lambda look=look: f"{walk.run(look)}\n{(walk.folder / 'rrdnsd.log').read_text()}",
        )
    assert walk.run(stop) == ""
    until(lambda: "the records stay as they are" in (walk.folder / "rrdnsd.log").read_text(), "the end")
    log = (walk.folder / "rrdnsd.log").read_text()
    assert " bug " not in log
    assert "expected b'VERSION" not in log


def test_the_contract_suites_as_the_page_runs_them(installed):
    (command,) = re.findall(r"^\$ pytest (.*)$", (ROOT / "docs" / "plugins.md").read_text(), re.MULTILINE)
    expression, *files = re.fullmatch(r'-k "(.*?)" (.*)', command).groups()
    env = {
        **installed.env,
        "RRDNSD_CONTRACTS": "contract",
        "PYTHONPATH": f"{installed.site}:{installed.folder / 'rrdnsd-example'}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", expression, *files[0].split()],
        cwd=ROOT,
        env=env,
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(r"^2[0-9] passed", done.stdout.splitlines()[-1]), done.stdout[-300:]
