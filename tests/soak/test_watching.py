"""What is read from logs and processes, and what is told and drawn of it."""

import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from soak import bounds, growth, logs, plot, report
from soak.growth import Sample
from soak.invariants import check
from soak.record import Update
from soak.run import Outcome
from soak.test_invariants import DEAD, GOOD, record

PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()
NAMED = (
    "22-Nov-2026 23:59:53.250 client @0x7f1 10.77.0.11#4711/key rrkey: updating zone 'example.test/IN': deleting an RR at www A 1\n"
    "22-Nov-2026 23:59:53.250 client @0x7f1 10.77.0.11#4711/key rrkey: updating zone 'example.test/IN': adding an RR at www A 2\n"
    "22-Nov-2026 23:59:54.000 client @0x7f1 10.77.0.12#4711/key rrkey: update 'example.test/IN' denied\n"
    "22-Nov-2026 23:59:55.000 client @0x7f1 10.77.0.2#4711/key rrkey: updating zone 'example.test/IN': adding an RR at www A 1\n"
)


def test_who_has_updated():
    at = time.mktime((2026, 11, 22, 23, 59, 53, 0, 0, -1)) + 0.25
    found = logs.updates(NAMED, {"10.77.0.11": "node1", "10.77.0.12": "node2"}, -at)
    assert found == [Update(pytest.approx(0.0, abs=0.001), "node1")]


def test_what_nodes_complain_of():
    text = (
        "12:00:00 INFO    all is well\n"
        "12:00:00 ERROR   [store] cannot save: the disk is full\n"
        "    Traceback (most recent call last):\n"
        "12:00:00 ERROR   something else\n"
    )
    assert len(logs.complaints(text, {"disk full"})) == 2
    assert len(logs.complaints(text, set())) == 3


def samples(rss, fds=lambda _: 20, life=1000):
    return [Sample(float(at), "node1", 5, rss(at), fds(at)) for at in range(life)]


CALMS = [(float(at), float(at + 5)) for at in range(20, 1000, 30)]


def troubles(seen):
    return list(growth.troubles(growth.grown(seen, CALMS)))


def test_a_process_that_does_not_grow():
    assert troubles(samples(lambda at: 60 + (at % 7) / 7)) == []


def test_memory_that_is_needed_at_first_is_no_growth():
    assert troubles(samples(lambda at: min(60, 30 + at))) == []


def test_memory_that_grows():
    (said,) = troubles(samples(lambda at: 50 + 10 * at / 1000))
    assert "node1 (process 5) has grown by" in said


def test_too_much_memory():
    (said,) = troubles(samples(lambda _: bounds.RSS_MOST_MB + 1))
    assert "needs" in said


def test_file_descriptors_that_leak():
    (said,) = troubles(samples(lambda _: 60, lambda at: 20 + at // 60))
    assert "more file descriptors" in said


def test_too_many_file_descriptors():
    (said,) = troubles(samples(lambda _: 60, lambda _: bounds.FDS_MOST + 1))
    assert "61 file descriptors" in said


def test_a_short_life_is_not_judged():
    assert troubles(samples(lambda at: 50 + at, life=int(bounds.WARM_UP))) == []


@pytest.fixture
def outcome():
    made = Outcome(7, 0.0, 60.0, [GOOD], samples(lambda _: 60))
    made.processes = growth.grown(made.samples, CALMS)
    return made


def test_what_is_told_of_a_good_run(outcome):
    assert report.failure(outcome, "folder") == ""
    assert "seed 7: 1 storms with 1 faults of 1 kinds" in report.summary(outcome)
    text = report.section(outcome, "Machine: this.", ("one.svg", "two.svg"))
    assert "| endpoint closed | connections are refused | 1 |" in text
    assert "**0 rules were broken.**" in text
    assert "| node1 |" in text


def test_what_is_told_of_a_violation(outcome):
    cycle = record(absent=[(DEAD, 30.0, 30.3)])
    outcome.cycles, outcome.violations = [cycle], check(cycle)
    text = report.failure(outcome, "artifacts/soak")
    assert "BROKEN: a removal has a cause: 10.77.1.1 of www was taken out" in text
    assert "30.0  www 2,3,4,5" in text
    assert "artifacts/soak" in text
    assert "make soak SEED=7" in text


@pytest.mark.parametrize("draw", [plot.timeline, plot.growth])
def test_pictures_are_small_and_have_no_background(draw, outcome, tmp_path):
    path = tmp_path / "picture.svg"
    draw(outcome, path)
    text = path.read_text()
    ET.fromstring(text)  # noqa: S314 - it is our own
    assert len(text) < 500_000
    assert "#ffffff" not in text
    assert "node1" in text


@pytest.mark.parametrize(
    "figure",
    [
        f"within {bounds.OUTDATED:.1f} s before",
        f"| {bounds.OPINION:.1f} s until",
        f"{bounds.RIGHT:.1f} s after the last change",
        f"{bounds.OPINION:.1f} s for a probe to begin",
        f"for {bounds.STILL:.1f} s",
        f"for longer than {bounds.ALONE:.1f} s",
        f"has {bounds.START:.0f} s to answer",
        f"{bounds.RSS_MORE_MB:.0f} MB, {bounds.FDS_MORE} descriptors",
        f"Nor may there ever be more than {bounds.FDS_MOST} descriptors or {bounds.RSS_MOST_MB:.0f} MB",
    ],
)
def test_the_bounds_are_documented(figure):
    assert figure in PAGE


def test_the_settings_are_documented():
    for key, value in bounds.SETTINGS.items():
        assert f"`{key}` {value:,}" in PAGE
