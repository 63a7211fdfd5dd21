import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rrdnsd.probes.bodysearch import SearchTooSlow, search_within


def test_finds_or_does_not():
    assert search_within(re.compile("b+"), "abc")
    assert not search_within(re.compile("d"), "abc")


@pytest.mark.parametrize(("expression", "text"), [("(a+)+$", "a" * 40 + "!"), (".*a.*b.*c", "a" * 65_536)])
def test_an_explosive_expression_is_ended(expression, text):
    began = time.process_time()
    with pytest.raises(SearchTooSlow):
        search_within(re.compile(expression), text, seconds=0.05)
    assert time.process_time() - began < 2


def test_nothing_is_left_behind():
    before = signal.getsignal(signal.SIGVTALRM)
    search_within(re.compile("a"), "a")
    assert signal.getsignal(signal.SIGVTALRM) is before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_works_in_other_threads():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(search_within, re.compile("a"), "a").result(5)
