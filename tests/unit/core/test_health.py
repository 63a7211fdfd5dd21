from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.health import Opinion, observe
from rrdnsd.core.model import State, Thresholds

THRESHOLDS = st.builds(Thresholds, rise=st.integers(1, 5), fall=st.integers(1, 5))


def replay(history, thresholds):
    opinion = Opinion()
    for now, ok in enumerate(history):
        opinion = observe(
            opinion, ok=ok, reason="" if ok else "refused", thresholds=thresholds, now=float(now)
        )
    return opinion


def dumb_state(history, thresholds):
    """Looks at the whole history anew after each probe, with lists and no counters."""
    state, since_flip = "unknown", []
    for ok in history:
        since_flip.append(ok)
        run = len(since_flip) - max((i + 1 for i, good in enumerate(since_flip) if not good), default=0)
        if state == "unknown" and ok:
            state, since_flip = "up", []
        elif state == "down":
            if run >= thresholds.rise:
                state, since_flip = "up", []
        else:
            if run >= thresholds.rise:
                since_flip = []
            if since_flip.count(False) >= thresholds.fall:
                state, since_flip = "down", []
    return state


@given(st.lists(st.booleans(), max_size=40), THRESHOLDS)
def test_state_matches_a_dumb_reading_of_the_whole_history(history, thresholds):
    assert replay(history, thresholds).state == dumb_state(history, thresholds)


@given(st.lists(st.booleans(), max_size=40), THRESHOLDS)
def test_counters_stay_below_their_thresholds(history, thresholds):
    opinion = replay(history, thresholds)
    assert opinion.successes < max(thresholds.rise, 1)
    assert opinion.failures <= thresholds.fall
    assert opinion.undecided == (opinion.state is not State.DOWN and opinion.failures > 0)


def test_confirmation_of_what_is_known_changes_nothing():
    up = Opinion(State.UP, since=1.0)
    assert observe(up, ok=True, reason="", thresholds=Thresholds(), now=5.0) is up
    down = Opinion(State.DOWN, failures=2, reason="refused", since=1.0)
    assert observe(down, ok=False, reason="refused", thresholds=Thresholds(), now=5.0) is down


def test_an_unknown_endpoint_needs_one_success_or_fall_failures():
    assert replay([True], Thresholds(rise=5, fall=5)).state is State.UP
    assert replay([False] * 2, Thresholds(rise=5, fall=3)).state is State.UNKNOWN
    assert replay([False] * 3, Thresholds(rise=5, fall=3)).state is State.DOWN


def test_a_flapping_endpoint_goes_down():
    flapping = [True, False, True, False, True, False]
    assert replay(flapping, Thresholds(rise=2, fall=3)).state is State.DOWN


def test_rise_successes_in_a_row_forget_earlier_failures():
    assert (
        replay([True, False, False, True, True, False, False], Thresholds(rise=2, fall=3)).state is State.UP
    )


def test_a_new_reason_of_a_down_endpoint_is_taken_over_without_a_new_since():
    down = Opinion(State.DOWN, failures=2, reason="refused", since=1.0)
    later = observe(down, ok=False, reason="timeout", thresholds=Thresholds(), now=9.0)
    assert (later.reason, later.since, later.state) == ("timeout", 1.0, State.DOWN)


def test_since_is_the_moment_of_the_flip():
    opinion = replay([True, True, False, False, True, True], Thresholds(rise=2, fall=2))
    assert (opinion.state, opinion.since) == (State.UP, 5.0)
    cleared = replay([True, False, True, True], Thresholds(rise=2, fall=2))
    assert (cleared.state, cleared.since, cleared.failures) == (State.UP, 0.0, 0)


def test_a_failure_is_kept_with_its_reason_and_a_change_with_its_moment():
    def seen(opinion, now, reason):
        return observe(opinion, ok=not reason, reason=reason, thresholds=Thresholds(), now=now)

    up = seen(Opinion(), 4.0, "")
    assert up == Opinion(State.UP, since=4.0)
    failing = seen(up, 5.0, "timeout")
    assert failing == Opinion(State.UP, failures=1, reason="timeout", since=4.0)
    assert seen(failing, 6.0, "refused") == Opinion(State.DOWN, failures=2, reason="refused", since=6.0)
