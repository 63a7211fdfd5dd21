"""Counting results and verdicts in memory."""

import time
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import EndpointKey, ProbeResult, State, Timings
from rrdnsd.store import recorder as module
from rrdnsd.store.histogram import bucket
from rrdnsd.store.recorder import FAILED, Recorder
from support.stores import Clock

KEY = EndpointKey("www.example.org", "192.0.2.1")
OTHER = EndpointKey("www.example.org", "192.0.2.2")
GOOD = ProbeResult(True, "", Timings(0.01))
BAD = ProbeResult(False, "connection refused", Timings(0.001))


class Made:
    def __init__(self):
        self.clock = Clock()
        self.lost = []
        self.recorder = Recorder(self.lost.append, self.clock, self.clock)

    def note(self, *results, key=KEY, every=1.0):
        for result in results:
            self.clock.now += every
            self.recorder.note([(key, result)])

    def harvest(self):
        return [taken for part in self.recorder.harvest(10) for taken in part]


def test_each_probe_is_an_octet():
    made = Made()
    made.note(GOOD, BAD, GOOD)
    (taken,) = made.harvest()
    assert taken.key == KEY
    assert list(taken.codes) == [bucket(0.01), FAILED, bucket(0.01)]
    assert made.harvest() == []


def test_time_is_credited_to_the_verdict_that_stood():
    made = Made()
    made.clock.now += 5
    made.recorder.verdict(KEY, State.UP)
    made.clock.now += 20
    made.recorder.verdict(KEY, State.DOWN)
    made.clock.now += 10
    (taken,) = made.harvest()
    assert (taken.up, taken.known) == (20, 30)
    made.clock.now += 7
    made.recorder.verdict(KEY, State.UNKNOWN)
    made.clock.now += 100
    (taken,) = made.harvest()
    assert (taken.up, taken.known) == (0, 7)
    assert made.harvest() == []


def test_a_run_ends_when_the_result_turns():
    made = Made()
    start = made.clock.now
    made.note(GOOD, GOOD, GOOD, BAD, BAD, GOOD)
    good, bad = made.recorder.harvest_runs()
    assert (good.started, good.last, good.ok, good.count, good.reason) == (start + 1, start + 3, True, 3, "")
    assert (bad.started, bad.last, bad.ok, bad.count) == (start + 4, start + 5, False, 2)
    assert bad.reason == "connection refused"
    assert made.recorder.harvest_runs() == ()


def test_runs_go_on_over_a_harvest():
    made = Made()
    made.note(GOOD, GOOD)
    made.harvest()
    made.note(GOOD, BAD)
    (run,) = made.recorder.harvest_runs()
    assert run.count == 3


def test_what_is_under_way_is_shown_and_cut_at_the_end():
    made = Made()
    made.note(GOOD, BAD)
    assert [run.ok for run in made.recorder.runs()] == [True, False]
    made.recorder.cut()
    made.recorder.cut()
    assert [run.ok for run in made.recorder.harvest_runs()] == [True, False]


def test_a_long_run_is_cut_after_an_hour():
    made = Made()
    made.note(*[GOOD] * 1000, every=5.0)
    (run,) = made.recorder.harvest_runs()
    assert run.count == 1000
    made.note(GOOD, GOOD)
    (rest,) = made.recorder.runs()
    assert rest.count == 2
    assert rest.started == run.last + 1


def test_a_removed_endpoint_is_harvested_once_more():
    made = Made()
    made.recorder.verdict(KEY, State.UP)
    made.note(GOOD)
    made.note(GOOD, key=OTHER)
    made.recorder.keep_only([OTHER])
    made.clock.now += 50
    assert {taken.key: taken.known for taken in made.harvest()} == {KEY: 2, OTHER: 0}
    assert [run.key for run in made.recorder.harvest_runs()] == [KEY]
    made.note(GOOD, key=OTHER)
    assert [taken.key for taken in made.harvest()] == [OTHER]


def test_a_harvest_comes_in_parts():
    made = Made()
    keys = [EndpointKey("www.example.org", f"192.0.2.{number}") for number in range(25)]
    made.recorder.note([(key, GOOD) for key in keys])
    assert [len(part) for part in made.recorder.harvest(10)] == [10, 10, 5]


def test_runs_that_do_not_fit_are_counted(monkeypatch):
    monkeypatch.setattr(module, "MOST_RUNS", 3)
    made = Made()
    made.note(*[GOOD, BAD] * 4)
    assert len(made.recorder.harvest_runs()) == 3
    assert sum(made.lost) == 4


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["", "harvest", "runs"])), max_size=60))
def test_runs_tell_all_results_whenever_they_are_harvested(steps):
    made = Made()
    runs, codes = [], b""
    for ok, then in steps:
        made.note(GOOD if ok else BAD)
        if then == "harvest":
            codes += b"".join(taken.codes for taken in made.harvest())
        if then == "runs":
            runs += made.recorder.harvest_runs()
    made.recorder.cut()
    runs += made.recorder.harvest_runs()
    codes += b"".join(taken.codes for taken in made.harvest())
    results = [ok for ok, _ in steps]
    assert [run.ok for run in runs for _ in range(run.count)] == results
    assert [run.ok for run in runs] == [ok for ok, _ in groupby(results)]
    assert [code != FAILED for code in codes] == results


def test_noting_is_cheap():
    # About 0.4 microseconds on a slow machine; what would cost ten times as much is what this finds.
    recorder = Recorder(lambda _: None)
    keys = [EndpointKey("www.example.org", f"10.0.{number // 256}.{number % 256}") for number in range(1000)]
    batches = [[(key, GOOD) for key in keys[start : start + 20]] for start in range(0, 1000, 20)]
    best = 1.0
    for _ in range(20):
        began = time.thread_time()
        for batch in batches:
            recorder.note(batch)
        best = min(best, time.thread_time() - began)
        list(recorder.harvest(1000))
    assert best / 1000 < 4e-6
