import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.expiry import MILESTONES, Expiries, milestone, words
from rrdnsd.core.model import EndpointKey

KEY, OTHER = EndpointKey("a.test", "192.0.2.1"), EndpointKey("a.test", "192.0.2.2")


def warned(days, expiries=None):
    expiries = expiries or Expiries()
    return [left for left in days if expiries.is_due(KEY, left)]


def test_at_each_milestone_and_each_day_of_the_last_week():
    every_day_thrice = [day for day in range(60, -3, -1) for _ in range(3)]
    assert warned(every_day_thrice) == [30, 14, 7, 6, 5, 4, 3, 2, 1, 0, -1, -2]


@pytest.mark.parametrize(
    ("days", "expected"), [([31], []), ([20], [20]), ([20, 19, 15, 13, 12], [20, 13]), ([-5], [-5])]
)
def test_a_daemon_that_starts_late_or_sleeps(days, expected):
    assert warned(days) == expected


@pytest.mark.parametrize(
    ("days", "reached"), [(31, None), (30, 30), (15, 30), (14, 14), (4, 7), (2, 3), (1, 1), (0, 1), (-9, 1)]
)
def test_the_last_milestone_that_is_reached(days, reached):
    assert milestone(days) == reached


@pytest.mark.parametrize(
    ("days", "said"),
    [(-1, "has expired"), (0, "expires within a day"), (1, "expires in 1 day"), (2, "expires in 2 days")],
)
def test_when_it_expires(days, said):
    assert words(days) == said


def test_a_renewed_certificate_begins_anew():
    assert warned([10, 90, 30, 29]) == [10, 30]
    assert warned([3, 6, 5]) == [3, 5], "short-lived ones as well"


def test_each_endpoint_has_its_own():
    expiries = Expiries()
    assert expiries.is_due(KEY, 5)
    assert expiries.is_due(OTHER, 5)
    assert not expiries.is_due(KEY, 5)
    expiries.keep_only(frozenset({OTHER}))
    assert expiries.is_due(KEY, 5)
    assert not expiries.is_due(OTHER, 5)


@given(st.lists(st.integers(-10, 100), max_size=100))
def test_never_twice_for_the_same_number_of_days_in_a_row(days):
    expiries, last = Expiries(), None
    for left in days:
        due = expiries.is_due(KEY, left)
        assert not (due and left == last)
        assert not (due and left > max(MILESTONES))
        last = left
