from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.web.attempts import BURST, MOST_ADDRESSES, SECONDS_EACH, Attempts


def test_ten_may_fail_then_one_every_six_seconds():
    attempts = Attempts()
    assert [attempts.failed("192.0.2.1", 0.0) for _ in range(BURST)] == [0.0] * BURST
    assert attempts.failed("192.0.2.1", 0.0) == SECONDS_EACH
    assert attempts.failed("192.0.2.1", SECONDS_EACH) == 0.0
    assert attempts.failed("192.0.2.1", SECONDS_EACH) > 0


def test_all_addresses_of_one_ipv6_site_are_one():
    attempts = Attempts()
    for host in range(BURST):
        assert attempts.failed(f"2001:db8::{host:x}", 0.0) == 0
    assert attempts.failed("2001:db8::ffff", 0.0) > 0
    assert attempts.failed("2001:db8:0:1::1", 0.0) == 0


def test_memory_is_bounded():
    attempts = Attempts()
    for number in range(3 * MOST_ADDRESSES):
        attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(attempts._used_up) == MOST_ADDRESSES


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_never_more_than_the_budget(moments):
    attempts = Attempts()
    moments.sort()
    allowed = sum(attempts.failed("192.0.2.1", now) == 0 for now in moments)
    assert allowed <= BURST + (moments[-1] - moments[0]) / SECONDS_EACH + 1
