"""When a node distrusts itself, against counting everything anew."""

from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.abstention import Abstention, Doubt
from rrdnsd.core.model import EndpointKey

KEYS = [EndpointKey(f"{letter}.test", f"192.0.2.{number}") for letter in "abc" for number in range(1, 5)]


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=60), st.integers(1, 14))
def test_it_doubts_itself_when_it_stands_alone_on_most_endpoints_of_several_services(marks, voted):
    abstention, lonely = Abstention(), {}
    for key, alone in marks:
        abstention.mark(key, lonely=alone)
        lonely[key] = alone
        alone_on = [k for k, value in lonely.items() if value]
        services = {k.service for k in alone_on}
        expected = len(services) > 1 and len(alone_on) > voted / 2
        doubt = abstention.doubt(voted, 0.0)
        assert doubt.cause == ("lonely" if expected else "")
        if expected:
            assert doubt.sentence == (
                f"sees {len(alone_on)} of {voted} endpoints of {len(services)} services down that its peers see up: "
                "its own link may be at fault"
            )


def test_one_service_alone_is_no_reason():
    abstention = Abstention()
    for key in KEYS[:4]:
        abstention.mark(key, lonely=True)
    assert abstention.doubt(4, 0.0) == Doubt()


def test_learning_ends_by_itself_and_goes_before_the_rest():
    abstention = Abstention(learning_until=10.0, offline="its own connectivity check fails: no route")
    assert abstention.doubt(1, 9.9).cause == "learning"
    assert abstention.doubt(1, 10.0) == Doubt("offline", "its own connectivity check fails: no route")
    abstention.offline = ""
    assert abstention.doubt(1, 10.0) == Doubt()


def test_an_endpoint_that_is_no_longer_configured_is_no_reason():
    abstention = Abstention()
    abstention.mark(KEYS[0], lonely=True)
    abstention.mark(KEYS[4], lonely=True)
    assert abstention.doubt(3, 0.0).cause == "lonely"
    abstention.forget(KEYS[4])
    abstention.forget(KEYS[4])
    assert abstention.doubt(1, 0.0) == Doubt()


def test_to_forget_an_endpoint_twice_takes_nothing_from_the_others_of_its_service():
    abstention = Abstention()
    for key in (KEYS[0], KEYS[4], KEYS[5]):
        abstention.mark(key, lonely=True)
    abstention.forget(KEYS[4])
    abstention.forget(KEYS[4])
    assert abstention.doubt(3, 0.0).sentence.startswith("sees 2 of 3 endpoints of 2 services down")
