"""Replaying recorded probes: examples that can be checked by hand, and a dumb oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.backtest import Outage, Pace, Stretch, compare, replay
from rrdnsd.core.model import Thresholds

SLOW = Pace(interval=10.0, fast=10.0)
FAST = Pace(interval=10.0, fast=1.0)


def record(results, step=10.0):
    """Stretches of a text such as "++--+": one probe every `step` seconds from 0."""
    made = []
    for number, letter in enumerate(results):
        at, ok = number * step, letter == "+"
        if made and made[-1].ok is ok:
            made[-1] = made[-1]._replace(last=at, probes=made[-1].probes + 1)
        else:
            made.append(Stretch(at, at, ok, 1))
    return made


def test_an_outage_and_its_end():
    played = replay(record("+++--++"), SLOW, Thresholds(rise=2, fall=2))
    assert played.flips == 2
    assert played.outages == (Outage(failed=30.0, down=40.0, up=60.0, over=True),)


def test_a_short_failure_is_missed_by_a_higher_fall():
    compared = compare(record("+++--++++"), SLOW, Thresholds(2, 2), Thresholds(2, 3))
    assert compared.missed == compared.present.outages
    assert (compared.proposed.flips, compared.added, compared.down_delays) == (0, (), ())


def test_a_lower_fall_finds_more():
    compared = compare(record("+++-++++"), SLOW, Thresholds(2, 2), Thresholds(2, 1))
    assert [outage.failed for outage in compared.added] == [30.0]
    assert compared.missed == ()


def test_delays_are_of_what_both_find():
    compared = compare(record("++-----+++++"), SLOW, Thresholds(2, 2), Thresholds(rise=3, fall=4))
    assert compared.down_delays == (20.0,)
    assert compared.up_delays == (10.0,)
    back = compare(record("++-----+++++"), SLOW, Thresholds(rise=3, fall=4), Thresholds(2, 2))
    assert (back.down_delays, back.up_delays) == ((-20.0,), (-10.0,))


def test_rechecks_that_were_not_needed_then_are_put_in():
    """With fall 2 it was down after a recheck; with 4 there would have been two more of them at once."""
    stretches = [Stretch(0, 100, True, 11), Stretch(110, 111, False, 2), Stretch(121, 181, False, 7)]
    joined = [stretches[0], Stretch(110, 181, False, 9)]
    assert replay(joined, FAST, Thresholds(2, 4)).outages[0].down == 113
    assert replay(stretches, FAST, Thresholds(2, 2)).outages[0].down == 111
    assert replay(stretches, FAST, Thresholds(2, 3)).outages[0].down == 121  # nothing is known before


def test_nothing_is_put_in_after_the_last_failure():
    stretches = [Stretch(0, 100, True, 11), Stretch(110, 110, False, 1), Stretch(120, 200, True, 9)]
    assert replay(stretches, FAST, Thresholds(2, 2)).outages == ()


def test_outages_that_a_higher_rise_joins_are_one_incident():
    compared = compare(record("+++---++---+++++"), SLOW, Thresholds(2, 2), Thresholds(rise=3, fall=2))
    assert (compared.present.flips, compared.proposed.flips) == (4, 2)
    assert (compared.missed, compared.added) == ((), ())
    assert (compared.down_delays, compared.up_delays) == ((0.0,), (10.0,))


def test_an_outage_that_lasts_has_no_end():
    (outage,) = replay(record("+++----"), SLOW, Thresholds()).outages
    assert (outage.up, outage.over) == (60.0, False)
    assert compare(record("+++----"), SLOW, Thresholds(), Thresholds(2, 3)).up_delays == ()


def test_after_a_stop_the_daemon_begins_anew():
    stretches = [Stretch(0, 100, False, 11), Stretch(1000, 1100, True, 11)]
    played = replay(stretches, SLOW, Thresholds(rise=5, fall=2))
    assert played.flips == 0
    assert played.outages == (Outage(0, 10.0, 100, over=False),)


def test_an_empty_record():
    compared = compare([], SLOW, Thresholds(), Thresholds())
    assert (compared.present.flips, compared.present.outages, compared.missed) == (0, (), ())


@pytest.mark.parametrize("count", [1, 2, 1_000_000])
def test_a_long_stretch_costs_nothing(count):
    assert replay([Stretch(0, 10.0 * count, True, count)], SLOW, Thresholds(5, 5)).outages == ()


def dumb(results, rise, fall):
    """The rules of rise and fall once more, in the plainest way: the state after each probe."""
    state, bad, good = "?", 0, 0
    states = []
    for letter in results:
        if letter == "+":
            good += 1
            if state == "?" or good >= rise:
                state, bad = "+", 0
        else:
            good = 0
            bad += 1
            if bad >= fall and state != "-":
                state = "-"
        states.append(state)
    return states


@given(st.text("+-", max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_as_the_dumb_oracle(results, rise, fall):
    states = dumb(results, rise, fall)
    changes = [
        (n, new) for n, (old, new) in enumerate(zip(["?", *states], states, strict=False)) if old != new
    ]
    played = replay(record(results), SLOW, Thresholds(rise, fall))
    assert played.flips == max(0, len(changes) - 1)
    assert [o.down for o in played.outages] == [n * 10.0 for n, new in changes if new == "-"]
    assert [o.up for o in played.outages if o.over] == [n * 10.0 for n, new in changes[1:] if new == "+"]


@given(st.text("+-", max_size=80), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
def test_the_other_way_round_is_the_mirror_image(results, rise, fall, new_rise, new_fall):
    one, other = Thresholds(rise, fall), Thresholds(new_rise, new_fall)
    there, back = compare(record(results), FAST, one, other), compare(record(results), FAST, other, one)
    assert (there.missed, there.added) == (back.added, back.missed)
    assert there.down_delays == tuple(-delay for delay in back.down_delays)
    assert there.up_delays == tuple(-delay for delay in back.up_delays)


@given(st.text("+-", max_size=80), st.integers(1, 5), st.integers(1, 5))
def test_the_same_thresholds_change_nothing(results, rise, fall):
    compared = compare(record(results), FAST, Thresholds(rise, fall), Thresholds(rise, fall))
    assert (compared.missed, compared.added) == ((), ())
    assert {*compared.down_delays, *compared.up_delays} <= {0.0}


def test_outages_apart_are_incidents_of_their_own():
    compared = compare(record("++----++++--++++---++"), SLOW, Thresholds(2, 2), Thresholds(2, 3))
    assert [outage.failed for outage in compared.missed] == [100.0]
    assert compared.down_delays == (10.0, 10.0)
    assert compared.up_delays == (0.0, 0.0)


def test_an_end_that_only_one_of_them_has_seen_has_no_delay():
    compared = compare(record("++---++"), SLOW, Thresholds(2, 2), Thresholds(rise=3, fall=2))
    assert compared.present.outages[0].over
    assert not compared.proposed.outages[0].over
    assert (compared.down_delays, compared.up_delays) == ((0.0,), ())


def test_changes_are_counted_over_all_that_was_recorded():
    later = [s._replace(started=s.started + 1000, last=s.last + 1000) for s in record("++--++")]
    played = replay([*record("++--++"), *later], SLOW, Thresholds(2, 2))
    assert (played.flips, [outage.down for outage in played.outages]) == (4, [30.0, 1030.0])


def test_nobody_is_in_a_hurry_to_see_an_endpoint_up_again():
    stretches = [Stretch(0, 100, False, 11), Stretch(110, 210, True, 11)]
    (outage,) = replay(stretches, FAST, Thresholds(rise=3, fall=2)).outages
    assert (outage.down, outage.up) == (1.0, 130.0)


def test_probes_may_be_less_than_a_second_apart():
    assert replay(record("+++--++", step=0.5), SLOW, Thresholds(2, 2)).outages == (
        Outage(1.5, 2.0, 3.0, over=True),
    )


def test_a_gap_of_five_intervals_is_no_stop():
    for gap, down in ((50.0, [60.0]), (50.1, [])):
        stretches = [Stretch(0, 10, False, 2), Stretch(10 + gap, 10 + gap, False, 1)]
        assert [outage.down for outage in replay(stretches, SLOW, Thresholds(fall=3)).outages] == down
