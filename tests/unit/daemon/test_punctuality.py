import pytest

from rrdnsd.daemon.punctuality import Punctuality


def test_what_has_not_begun_becomes_later_until_it_does():
    seen = Punctuality()
    seen.due([10.0, 10.0, 10.01])
    seen.begun(waiting=1, now=10.02)
    assert seen.quantiles([0.0, 1.0]) == pytest.approx([0.02, 0.02])
    seen.begun(waiting=1, now=10.5)
    assert sum(seen.all.counts) == 2
    seen.begun(waiting=0, now=11.01)
    assert seen.quantiles([0.0, 1.0]) == pytest.approx([0.02, 1.0])
    assert seen.all.total == pytest.approx(1.04)


def test_the_lag_of_each_probe_is_counted_by_its_bound():
    seen = Punctuality()
    seen.due([5.0] * 3)
    seen.begun(waiting=2, now=5.004)
    seen.begun(waiting=0, now=5.03)
    counted = dict(zip(seen.all.bounds, seen.all.counts, strict=False))
    assert (counted[0.005], counted[0.05]) == (1, 2)


def test_there_is_nothing_to_tell_before_the_first_and_after_a_fresh_start():
    seen = Punctuality()
    assert seen.quantiles([0.5, 0.99]) == [0.0, 0.0]
    seen.due([1.0])
    seen.begun(waiting=0, now=2.0)
    seen.settle()
    assert seen.quantiles([0.5, 0.99]) == [0.0, 0.0]
    assert not sum(seen.all.counts)


def test_more_may_wait_than_was_due_here():
    seen = Punctuality()
    seen.due([1.0])
    seen.begun(waiting=5, now=2.0)
    assert seen.quantiles([1.0]) == [0.0]
