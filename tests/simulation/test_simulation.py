"""The share of the simulation that runs with every test: 2,000 seeds, the bugs put in on purpose, and replays."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.campaign import REPLAY, failures, told
from simulation.mutants import MUTANTS
from simulation.world import Outcome, simulate

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "simulation.md"
CHUNKS, CHUNK = 40, 50


@pytest.mark.timeout(300)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_rule_is_broken(chunk):
    first = 1 + chunk * CHUNK
    broken = [told(outcome) for seed in range(first, first + CHUNK) if (outcome := simulate(seed)).violation]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_put_in_on_purpose_is_found(mutant):
    with mutant.planted():
        assert simulate(mutant.seed).violation
    assert not simulate(mutant.seed).violation


def test_a_seed_always_gives_the_same_run():
    lines, again = [], []
    assert simulate(42, lines.append) == simulate(42, again.append)
    assert lines == again
    assert len(lines) > 100


def test_another_process_with_another_hash_seed_gives_the_same_run():
    def replay(hash_seed):
        environ = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-m", "simulation", "--replay", "15"]
        return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout

    assert replay("1") == replay("2") != ""


def test_a_failure_tells_how_to_replay_it():
    assert told(Outcome(7, "at 1.000 s: no", 3, "")) == f"seed 7: at 1.000 s: no\n  replay: {REPLAY} 7"


def test_runs_are_spread_over_processes():
    assert [*failures(range(1, 5), jobs=2)] == []


def test_the_page_names_every_bug_and_its_seed():
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert {name.strip(): int(seed) for name, seed in rows} == {m.name: m.seed for m in MUTANTS}
