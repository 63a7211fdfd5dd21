"""Every input that once was of interest, and for a while new ones."""

import pytest

from fuzz.campaign import CORPUS, run
from fuzz.targets import NAMES, target

SECONDS = 20
GROWTH = 1.5
"""How many times its memory after the warm-up a run may come to need."""


@pytest.mark.parametrize(
    "path", sorted(CORPUS.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_what_was_found_once(path):
    target(path.parent.name)(path.read_bytes())


def test_each_target_has_a_corpus():
    assert {path.name for path in CORPUS.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_new_is_found(name, tmp_path):
    outcome = run(name, SECONDS, tmp_path)
    assert outcome.clean, outcome.log[-10_000:]
    assert outcome.runs > 100, outcome.log[-2000:]
    assert outcome.peak < GROWTH * outcome.warm
