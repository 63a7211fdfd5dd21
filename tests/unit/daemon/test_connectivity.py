"""The node's watch of its own link: one good target is enough, and only a change is told."""

from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.events import Connectivity
from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.daemon.connectivity import LOOK_AGAIN, LinkWatch, link_key

GATEWAY = link_key("tcp://192.0.2.1:53", "192.0.2.1")
REMOTE = link_key("https://198.51.100.7/", "198.51.100.7")
SERVED = EndpointKey("www.example.test", "192.0.2.9")


def result(key, reason=""):
    return key, ProbeResult(not reason, reason, Timings(0.01))


def watch(*keys):
    told = []
    return LinkWatch(keys or (GATEWAY, REMOTE), told.append, lambda: 0.0), told


def test_a_link_is_bad_when_no_target_answers_any_more():
    link, told = watch()
    link.on_results([result(GATEWAY, "timeout"), result(REMOTE)])
    link.on_results([result(GATEWAY, "timeout")])
    assert told == []
    link.on_results([result(REMOTE, "refused")])
    assert told == [
        Connectivity(
            "its own connectivity check fails: tcp://192.0.2.1:53: timeout; https://198.51.100.7/: refused"
        )
    ]


def test_one_target_that_answers_again_is_enough():
    link, told = watch()
    for _ in range(3):
        link.on_results([result(GATEWAY, "timeout"), result(REMOTE, "timeout")])
    link.on_results([result(REMOTE)])
    assert len(told) == 1
    link.on_results([result(REMOTE)])
    assert told[1:] == [Connectivity("")]


def test_one_failure_of_all_is_enough_to_doubt():
    link, told = watch()
    link.on_results([result(GATEWAY), result(REMOTE)])
    assert told == []
    link.on_results([result(GATEWAY, "timeout"), result(REMOTE, "timeout")])
    assert [bool(event.trouble) for event in told] == [True]


def test_a_failing_endpoint_makes_it_look_at_once_but_not_too_often():
    now, looks = [10.0], []
    link = LinkWatch((GATEWAY, REMOTE), lambda _event: None, lambda: now[0], looks.append)
    link.on_results([result(SERVED)])
    assert looks == []
    for _ in range(5):
        link.on_results([result(SERVED, "refused")])
    assert looks == [GATEWAY, REMOTE]
    now[0] += 2 * LOOK_AGAIN
    link.on_results([result(SERVED, "refused")])
    assert looks == 2 * [GATEWAY, REMOTE]


def test_after_a_first_answer_it_looks_again_at_once():
    now, looks, told = [10.0], [], []
    link = LinkWatch([GATEWAY], told.append, lambda: now[0], looks.append)
    link.on_results([result(GATEWAY, "timeout")])
    assert looks == []
    link.on_results([result(GATEWAY)])
    assert looks == [GATEWAY]
    now[0] += 2 * LOOK_AGAIN
    link.on_results([result(GATEWAY)])
    assert looks == [GATEWAY]
    assert [bool(event.trouble) for event in told] == [True, False]


def test_the_probes_of_services_are_not_its_business():
    link, told = watch(GATEWAY)
    for _ in range(5):
        link.on_results([result(SERVED, "refused")])
    assert told == []


def test_no_service_can_have_the_name_of_a_target():
    assert " " in GATEWAY.service


@given(st.lists(st.tuples(st.sampled_from([GATEWAY, REMOTE]), st.booleans()), max_size=40))
def test_what_is_told_alternates_and_says_what_a_dumb_second_one_says(results):
    link, told = watch()
    states, failures, successes = {}, {GATEWAY: 0, REMOTE: 0}, {GATEWAY: 0, REMOTE: 0}
    expected = [False]
    for key, ok in results:
        link.on_results([result(key, "" if ok else "timeout")])
        successes[key] = successes[key] + 1 if ok else 0
        if not ok:
            failures[key] += 1
        first = ok and key not in states
        if first or successes[key] >= 2:
            failures[key] = 0
        if first:
            states[key] = "up"
        if states.get(key) == "down":
            states[key] = "up" if successes[key] >= 2 else "down"
        elif failures[key] >= 1:
            states[key] = "down"
        bad = all(states.get(k) == "down" for k in (GATEWAY, REMOTE))
        if bad != expected[-1]:
            expected.append(bad)
    assert [bool(event.trouble) for event in told] == expected[1:]
