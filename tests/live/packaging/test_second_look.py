"""`make test` runs what failed beside the other tests once more, alone, and hides nothing of it."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "tools/second-look"
FAILS_ONCE = """
def test_late():
    seen = Path("seen")
    late, _ = not seen.exists(), seen.touch()
    assert not late
"""
FAILS = "def test_wrong():\n    assert False\n"
PASSES = "def test_right():\n    Path('runs').open('a').write('x')\n"


@pytest.fixture
def project(tmp_path):
    def project(**files):
        for name, text in files.items():
            path = tmp_path / f"tests/{name}/test_it.py"
            path.parent.mkdir(parents=True)
            path.write_text(f"from pathlib import Path\n{text}{PASSES}")
        ran = subprocess.run(
            [TOOL, sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "--import-mode=importlib", "tests"],
            cwd=tmp_path, text=True, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        return ran, (tmp_path / "runs").read_text()

    return project


def test_what_passes_is_run_once(project):
    ran, runs = project(live="", unit="")
    assert (ran.returncode, runs) == (0, "xx")


def test_what_passes_alone_is_named(project):
    ran, runs = project(live=FAILS_ONCE)
    assert (ran.returncode, runs) == (0, "x")
    assert ran.stdout.endswith("passed alone:\n  tests/live/test_it.py::test_late\n")


def test_what_fails_again_has_failed(project):
    ran, _ = project(live=FAILS_ONCE + FAILS)
    assert ran.returncode == 1
    assert "passed alone" not in ran.stdout


@pytest.mark.parametrize(
    "files",
    [{"unit": FAILS_ONCE}, {"live": FAILS_ONCE + "".join(FAILS.replace("wrong", f"w{n}") for n in range(3))}],
    ids=["no server is needed", "too many"],
)
def test_some_have_no_second_look(project, files):
    ran, _ = project(**files)
    assert ran.returncode == 1
    assert "once more" not in ran.stdout


def test_what_failed_in_an_earlier_run_is_not_run(project, tmp_path):
    known = tmp_path / ".pytest_cache/v/cache/lastfailed"
    known.parent.mkdir(parents=True)
    known.write_text('{"tests/unit/test_it.py::test_right": true}')
    ran, runs = project(live=FAILS_ONCE, unit="")
    assert (ran.returncode, runs) == (0, "xx")


def test_what_could_not_run_is_told_as_pytest_tells_it(tmp_path):
    ran = subprocess.run(
        [TOOL, sys.executable, "-m", "pytest", "nowhere"], cwd=tmp_path, capture_output=True, check=False
    )
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
