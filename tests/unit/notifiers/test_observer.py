"""From effects to conditions, and when orders keep people from being told."""

import pytest

from rrdnsd.core.effects import PeerChanged, Retire, ServiceTransition, Transition
from rrdnsd.core.engine import Engine
from rrdnsd.core.expiry import MILESTONES, Expiries
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, State, Timings
from rrdnsd.core.override import Kind as Order
from rrdnsd.core.override import Override
from rrdnsd.core.telling import Kind, Severity
from rrdnsd.daemon.announcing.conditions import FINE, Conditions, Subject
from rrdnsd.daemon.announcing.observer import UNHEARD, Observer
from rrdnsd.daemon.announcing.quiet import quiet
from rrdnsd.daemon.runtime import Runtime

A, B, C = "10.0.0.1:3333", "10.0.0.2:3333", "10.0.0.3:3333"
KEY = EndpointKey("www.example.com", "192.0.2.1")
SERVICE = Service("www.example.com", "example.com", "default", 60, (Endpoint("192.0.2.1"),))


class House:
    def __init__(self, nodes=(A, B, C)):
        self.now = 1000.0
        self.runtime = Runtime(Engine(A, nodes, (SERVICE,), self.now), lambda: self.now)
        self.conditions = Conditions(lambda: self.now, lambda: self.now + 1e9)
        self.conditions.follow(lambda _: True)  # somebody wants to hear of everything
        self.observer = Observer(A, self.runtime, self.conditions)

    def states(self):
        return {c.subject.text: (c.state, c.text) for c in self.conditions}


def test_verdicts():
    house = House()
    house.observer.see(Transition(KEY, State.UP, State.DOWN, "down: 2 of 3 nodes report refused", 0.0))
    house.observer.see(ServiceTransition("www.example.com", State.DOWN, "0 of 1 endpoints are up"))
    assert house.states() == {
        "endpoint|www.example.com|192.0.2.1": ("down", "2 of 3 nodes report refused"),
        "service|www.example.com|": ("down", "0 of 1 endpoints are up"),
    }
    house.observer.see(Transition(KEY, State.DOWN, State.UP, "up: 3 of 3 nodes report up", 0.0))
    house.observer.see(ServiceTransition("www.example.com", State.UP, "1 of 1 endpoints are up"))
    assert {state for state, _ in house.states().values()} == {FINE}


def test_a_service_that_is_watched_no_more_is_forgotten():
    house = House()
    house.observer.see(Transition(KEY, State.UP, State.DOWN, "x", 0.0))
    house.observer.see(Retire("www.example.com", "example.com", "default"))
    assert house.states() == {}


def test_an_endpoint_that_is_watched_no_more_is_forgotten_at_the_next_look():
    house = House()
    gone = EndpointKey("www.example.com", "192.0.2.9")
    for key in (KEY, gone):
        house.observer.see(Transition(key, State.UP, State.DOWN, "x", 0.0))
    house.observer.look_far()
    assert list(house.states()) == ["endpoint|www.example.com|192.0.2.1"]


def test_peers_and_the_quorum():
    house = House()
    house.observer.see(PeerChanged(B, counted=False, reason="not heard for more than 4 s"))
    house.observer.see(PeerChanged("10.0.0.9:3333", counted=False, reason="it was removed from the cluster"))
    house.observer.look()
    assert house.states() == {
        f"node||{B}": ("missing", "not heard for more than 4 s"),
        f"quorum||{A}": ("lost", "no quorum: only 1 of 3 nodes heard"),
    }
    assert house.conditions.get(f"quorum||{A}").own


def test_a_node_that_was_never_heard():
    house = House()
    house.observer.look()
    assert f"node||{C}" not in house.states()
    house.now += UNHEARD + 1
    house.observer.look()
    assert house.states()[f"node||{C}"] == ("missing", "it was never heard")


@pytest.mark.parametrize(
    ("days", "state", "severity"),
    [
        (60, FINE, Severity.WARNING),
        (15, FINE, Severity.WARNING),
        (14, "14 days left", Severity.WARNING),
        (8, "14 days left", Severity.WARNING),
        (7, "7 days left", Severity.WARNING),
        (3, "3 days left", Severity.CRITICAL),
        (1, "1 day left", Severity.CRITICAL),
        (0, "1 day left", Severity.CRITICAL),
        (-2, "expired", Severity.CRITICAL),
    ],
)
def test_certificates(days, state, severity):
    house = House()
    house.runtime.engine.endpoints[KEY].last = ProbeResult(True, "", Timings(0.1), days)
    house.observer.look_far()
    found = house.conditions.get("certificate|www.example.com|192.0.2.1")
    assert (found.state, found.severity) == (state, severity)


def test_people_are_told_of_a_certificate_where_the_log_is():
    """The log has one milestone more: the first is not for people."""
    house = House()
    told, logged, expiries = [], [], Expiries()
    house.conditions.follow(lambda condition: bool(told.append(condition.state)) or True)
    for days in range(60, -2, -1):
        if expiries.is_due(KEY, days):
            logged.append(days)
        house.runtime.engine.endpoints[KEY].last = ProbeResult(True, "", Timings(0.1), days)
        house.observer.look_far()
    days = [int(state.split()[0]) for state in told[1:-1]]
    assert days == [*MILESTONES][1:]
    assert {*days} < {*logged}
    assert told[-1] == "expired"


ENDPOINT = Subject(Kind.ENDPOINT, "www.example.com", "192.0.2.1")
DNS = Subject(Kind.DNS, "", "192.0.2.53:53, zone example.com")


@pytest.mark.parametrize(
    ("order", "subject", "is_quiet"),
    [
        (Override(Order.MAINTENANCE, "www.example.com"), ENDPOINT, True),
        (Override(Order.MAINTENANCE, ""), ENDPOINT, True),
        (Override(Order.MAINTENANCE, ""), DNS, True),
        (Override(Order.MAINTENANCE, "www.example.com"), DNS, False),
        (Override(Order.MAINTENANCE, "mail.example.com"), ENDPOINT, False),
        (Override(Order.MAINTENANCE, "", until=5.0), ENDPOINT, False),
        (Override(Order.DRAIN, "www.example.com", "192.0.2.1"), ENDPOINT, True),
        (Override(Order.DRAIN, "", "192.0.2.1"), ENDPOINT, True),
        (Override(Order.DRAIN, "www.example.com", "192.0.2.2"), ENDPOINT, False),
        (Override(Order.FORCED_UP, "www.example.com", "192.0.2.1"), ENDPOINT, True),
        (
            Override(Order.DRAIN, "www.example.com", "192.0.2.1"),
            Subject(Kind.SERVICE, "www.example.com"),
            False,
        ),
        (Override(Order.PAUSE, ""), ENDPOINT, False),
    ],
)
def test_quiet(order, subject, is_quiet):
    house = House()
    house.conditions.trouble(subject, "x")
    assert quiet([order], 10.0)(house.conditions.get(subject.text)) is is_quiet
