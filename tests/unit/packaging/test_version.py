"""One version everywhere."""

import re
import tomllib
from pathlib import Path

import rrdnsd

ROOT = Path(__file__).parents[3]


def test_the_debian_package_has_the_version_of_the_project():
    newest = re.match(r"rrdnsd \(([^)]+)\) ", (ROOT / "debian" / "changelog").read_text())[1]
    assert newest == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_program_tells_the_version_of_the_project():
    assert rrdnsd.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
