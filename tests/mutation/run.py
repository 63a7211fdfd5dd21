"""Has mutmut change the core in every way it knows, in a copy of the tree, and reads what became of each change."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from mutation.survivors import Mutant

ROOT = Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "build" / "mutation"
CORE = Path("src", "rrdnsd", "core")
KILLED = {"killed", "timeout", "segfault"}


@dataclass(frozen=True)
class Tried:
    """What became of one mutant, in mutmut's words; `mutant` only if it was not killed."""

    file: str
    status: str
    mutant: Mutant | None


def mutate(jobs: int, only: Sequence[str]) -> None:
    """Copy the tree and try the mutants, `jobs` at a time; of `only` these if it names some.

    The copy is fresh, for mutmut believes what it found out before although the tests have changed.
    """
    began = time.monotonic()
    shutil.rmtree(COPY, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "corpus", "live")
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, COPY / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", COPY)
    command = [Path(sys.executable).with_name("mutmut"), "run", "--max-children", str(jobs), *only]
    # The same order of tests each time, and the plug-in is found before pytest knows its own path.
    env = {**os.environ, "PYTHONPATH": str(COPY / "tests"), "PYTHONHASHSEED": "0"}
    with (COPY / "log").open("wb") as log:
        output = None if sys.stdout.isatty() else log
        done = subprocess.run(command, cwd=COPY, env=env, stdout=output, stderr=output, check=False)
    (COPY / "took").write_text(f"{time.monotonic() - began} {jobs}")
    if done.returncode:
        raise SystemExit(f"mutmut failed:\n{(COPY / 'log').read_text()[-4000:]}")


def took() -> tuple[float, int]:
    """Return how many seconds the last run took, and how many mutants it tried at a time."""
    seconds, jobs = (COPY / "took").read_text().split()
    return float(seconds), int(jobs)


def tried() -> Iterator[Tried]:
    """Go through the mutants that were tried."""
    from mutmut.mutation.data import SourceFileMutationData  # noqa: PLC0415 - slow, and not for the test of the list
    from mutmut.stats import status_by_exit_code  # noqa: PLC0415

    with chdir(COPY):
        for path in sorted(CORE.glob("*.py")):
            data = SourceFileMutationData(path=path)
            data.load()
            for name, code in data.exit_code_by_key.items():
                status = str(status_by_exit_code[code])
                yield Tried(path.name, status, None if status in KILLED else _mutant(name, path))


def _mutant(name: str, path: Path) -> Mutant:
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key  # noqa: PLC0415

    function, owner = orig_function_and_class_names_from_key(name)
    # Its first two lines name the file.
    lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
    return Mutant.of_diff(path.name, f"{owner}.{function}" if owner else function, lines)


def counted(found: Sequence[Tried]) -> dict[str, Counter[str]]:
    """Count what became of the mutants of each file."""
    counts: dict[str, Counter[str]] = {}
    for one in found:
        counts.setdefault(one.file, Counter())[one.status] += 1
    return counts
