"""The wheel and the source archive: what is in them, and that pipx installs what works."""

import os
import re
import sys
import tarfile
import zipfile

import pytest

from support.packaging import ROOT, copy_of_the_tree, once, run

pytestmark = pytest.mark.timeout(600)

BUILD = (sys.executable, "-m", "build", "--no-isolation", "--outdir")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    def make(folder):
        run([*BUILD, folder / "dist", copy_of_the_tree(folder)])

    return once(tmp_path_factory, "wheel", make)


@pytest.fixture(scope="module")
def made(tree):
    """Both, as `make dist` makes them: the source archive, and the wheel from it."""
    return next((tree / "dist").glob("*.tar.gz")), next((tree / "dist").glob("*.whl"))


def test_the_source_archive_makes_the_wheel_that_the_tree_makes(tree, made, tmp_path):
    run([*BUILD, tmp_path, "--wheel", tree])
    assert next(tmp_path.glob("*.whl")).read_bytes() == made[1].read_bytes()


def test_the_wheel_holds_the_program_and_nothing_else(made):
    with zipfile.ZipFile(made[1]) as archive:
        names = set(archive.namelist())
    source = ROOT / "src"
    wanted = {
        p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file() and p.suffix != ".pyc"
    }
    assert {name for name in names if ".dist-info/" not in name} == wanted


def test_the_source_archive_holds_no_tests_and_no_caches(made):
    with tarfile.open(made[0]) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert not [
        name for name in names if re.search(r"(^|/)(tests|__pycache__|\.venv|debian|\.git)(/|$)|\.pyc$", name)
    ]
    assert {"pyproject.toml", "LICENSE", "docs/install.md", "examples/rrdnsd.json"} <= set(names)


def test_pipx_installs_it(made, tmp_path):
    # The versions that the lock names, whatever has come out since.
    locked = re.findall(r"^[a-z0-9-]+==[^ ]+", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE)
    (tmp_path / "constraints.txt").write_text("\n".join(locked))
    env = {
        **os.environ,
        "PIPX_HOME": str(tmp_path / "home"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_DEFAULT_PYTHON": "/usr/bin/python3",
        "PIP_CONSTRAINT": str(tmp_path / "constraints.txt"),
    }
    run(["pipx", "install", made[1]], env=env)
    command = tmp_path / "bin" / "rrdnsd"
    assert run([command, "--version"]).startswith("rrdnsd ")
    assert "all is well" in run([command, "demo", "--once"])
    run(["pipx", "uninstall", "rrdnsd"], env=env)
    assert not command.exists()
