"""Storms are a matter of the seed alone, and hold what they promise."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from soak.applying import HANDS
from soak.campaign import BEGINNING, FAULTS, LENGTH, drift, elder, storm
from soak.kinds import KINDS, claims

SEEDS = range(1, 40)


def faults(seed, storms):
    return [one for number in range(storms) for one in storm(seed, number)]


def test_the_same_seed_gives_the_same_storms():
    assert storm(7, 3) == storm(7, 3)
    assert storm(7, 3) != storm(8, 3)
    assert storm(7, 3) != storm(7, 4)


def test_what_needs_the_same_thing_never_stands_together():
    for seed in SEEDS:
        for one, other in combinations(storm(seed, 0), 2):
            if claims(one.fault) & claims(other.fault):
                assert one.until < other.at or other.until < one.at, (one, other)


def test_a_storm_has_its_length():
    for one in faults(3, 30):
        assert 0 <= one.at <= BEGINNING
        assert one.at <= one.until <= LENGTH
    assert all(len(storm(3, number)) <= FAULTS[1] for number in range(30))


def test_faults_overlap_sometimes():
    overlapping = [
        (one, other)
        for seed in SEEDS
        for one, other in combinations(storm(seed, 1), 2)
        if one.at < other.until and other.at < one.until
    ]
    assert len(overlapping) > 5 * len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_four_storms_have_nearly_every_kind(seed):
    assert len({one.fault.kind for one in faults(seed, 4)}) >= len(KINDS) - 2


def test_ten_storms_have_every_kind():
    assert {one.fault.kind for one in faults(1, 10)} == {*KINDS}


def test_ci_has_every_kind_in_its_two_minutes():
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    seed = int(re.search(r"^CI_SEED := (\d+)$", makefile, re.MULTILINE)[1])
    assert {one.fault.kind for one in faults(seed, 3)} == {*KINDS}


def test_what_is_done_by_hand_in_a_calm_is_not_always_the_same():
    drawn = [drift(7, number) for number in range(20)]
    assert drawn == [drift(7, number) for number in range(20)]
    assert len({*drawn}) > 4


def test_the_elder_is_never_killed():
    assert ("node killed", elder(5)) not in {(one.fault.kind, one.fault.target) for one in faults(5, 60)}


def test_every_kind_can_be_done():
    assert {*HANDS} == {*KINDS}
