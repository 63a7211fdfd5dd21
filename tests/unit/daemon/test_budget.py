"""Where the time of a failover went, told once for each change by the node that wrote it."""

from rrdnsd.core.effects import Transition
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.daemon.budget import GIVEN_UP_SECONDS, KEPT, Budget

WWW = "www.example.test"
KEY, OTHER = EndpointKey(WWW, "192.0.2.1"), EndpointKey(WWW, "192.0.2.2")
ONE, TWO = "default 192.0.2.53:53", "default 192.0.2.54:53"


class Followed:
    def __init__(self, *servers):
        self.now = 100.0
        self.budget = Budget(lambda _service: frozenset(servers or (ONE,)), lambda: self.now)

    def decided(self, key=KEY, first_seen=None, before=State.UP, after=State.DOWN):
        first = self.now if first_seen is None else first_seen
        self.budget.decided(Transition(key, before, after, "down: refused", first))


def test_each_step_is_told_from_the_first_sign_on():
    it = Followed(ONE, TWO)
    it.now = 100.01
    it.budget.suspected(KEY)
    it.now = 100.12
    it.decided(first_seen=100.0)
    it.now = 100.13
    it.budget.written(WWW)
    it.now = 100.14
    assert it.budget.visible(WWW, ONE) == []
    it.now = 100.25
    it.budget.written(WWW)
    (incident,) = it.budget.visible(WWW, TWO)
    assert incident.sentence() == (
        "192.0.2.1 of www.example.test down: peers asked after 0.010 s, decided after 0.120 s, "
        f"written after 0.130 s, visible on {ONE} after 0.140 s, visible on {TWO} after 0.250 s"
    )
    assert [*it.budget.finished] == [incident]
    assert it.budget.visible(WWW, TWO) == []


def test_a_node_that_learned_it_from_a_peer_did_not_ask():
    it = Followed()
    it.decided(after=State.UP)
    it.budget.written(WWW)
    (incident,) = it.budget.visible(WWW, ONE)
    assert incident.sentence() == (
        "192.0.2.1 of www.example.test up: decided after 0.000 s, written after 0.000 s, "
        f"visible on {ONE} after 0.000 s"
    )


def test_a_first_verdict_is_no_incident():
    it = Followed()
    it.decided(before=State.UNKNOWN, after=State.UP)
    it.budget.written(WWW)
    assert it.budget.visible(WWW, ONE) == []


def test_two_endpoints_of_a_service_are_two_incidents_of_one_write():
    it = Followed()
    it.decided(KEY)
    it.now += 1
    it.decided(OTHER)
    it.budget.written(WWW)
    assert [incident.key for incident in it.budget.visible(WWW, ONE)] == [KEY, OTHER]


def test_other_services_are_not_meant():
    it = Followed()
    it.decided()
    it.budget.written("api.example.test")
    assert it.budget.visible("api.example.test", ONE) == []
    (incident,) = it.budget.visible(WWW, ONE)
    assert incident.written is None


def test_the_first_time_a_server_shows_it_counts():
    it = Followed(ONE, TWO)
    it.decided()
    it.budget.visible(WWW, ONE)
    it.now += 5
    it.budget.visible(WWW, ONE)
    (incident,) = it.budget.visible(WWW, TWO)
    assert incident.visible == {ONE: 100.0, TWO: 105.0}


def test_a_node_that_did_not_write_forgets_it():
    it = Followed()
    it.budget.suspected(OTHER)
    it.decided()
    it.now += GIVEN_UP_SECONDS + 1
    assert it.budget.expire() == []
    assert it.budget.visible(WWW, ONE) == []
    it.decided(OTHER)
    (incident,) = it.budget.visible(WWW, ONE)
    assert incident.suspected is None


def test_what_does_not_show_on_every_server_is_told_in_the_end():
    it = Followed(ONE, TWO)
    it.decided()
    it.budget.written(WWW)
    it.budget.visible(WWW, ONE)
    it.now += GIVEN_UP_SECONDS
    assert it.budget.expire() == []
    it.now += 1
    (incident,) = it.budget.expire()
    assert [*incident.visible] == [ONE]
    assert it.budget.expire() == []


def test_what_is_kept_is_bounded():
    it = Followed()
    for _ in range(KEPT + 5):
        it.decided()
        it.budget.visible(WWW, ONE)
    assert len(it.budget.finished) == KEPT
