import pytest

from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.override import (
    Effective,
    Kind,
    Override,
    by_service,
    effective,
    failover,
    maintenance,
    pause,
)

KEY = EndpointKey("www.example.test", "10.0.0.1")
UP = Effective(State.UP, "up")


def order(kind, service="www.example.test", address="10.0.0.1", **more):
    return Override(kind, service, address, **more)


def test_without_orders_the_verdict_counts():
    assert effective(UP, KEY, (), 0.0) == UP


def test_a_drain_stands_beside_the_verdict():
    assert effective(UP, KEY, [order(Kind.DRAIN)], 0.0) == Effective(State.UP, "up", drained="drained")


@pytest.mark.parametrize(("kind", "state"), [(Kind.FORCED_UP, State.UP), (Kind.FORCED_DOWN, State.DOWN)])
def test_a_forced_state_replaces_a_pending_verdict(kind, state):
    found = effective(
        Effective(State.UNKNOWN, "", pending=True), KEY, [order(kind, who="ann", why="test")], 0.0
    )
    assert found == Effective(state, f"{kind} by ann: test", forced=state)


def test_an_order_ends_by_itself():
    drain = order(Kind.DRAIN, until=10.0)
    assert effective(UP, KEY, [drain], 9.9).drained
    assert not effective(UP, KEY, [drain], 10.0).drained


def test_orders_cover_an_endpoint_a_service_or_everything():
    assert order(Kind.DRAIN, address="").covers(KEY)
    assert order(Kind.DRAIN, service="", address="").covers(KEY)
    assert not order(Kind.DRAIN, address="10.0.0.2").covers(KEY)
    assert not order(Kind.DRAIN, service="other.example.test").covers(KEY)


def test_maintenance_of_one_service_or_of_all():
    mine, everything = (
        order(Kind.MAINTENANCE, address=""),
        order(Kind.MAINTENANCE, service="", address="", until=5.0),
    )
    assert maintenance("www.example.test", [mine], 0.0) == mine
    assert maintenance("other.example.test", [mine], 0.0) is None
    assert maintenance("other.example.test", [everything], 4.0) == everything
    assert maintenance("other.example.test", [everything], 5.0) is None


def test_a_drain_names_who_and_why_and_wins_over_a_forced_state():
    orders = [order(Kind.FORCED_UP), order(Kind.DRAIN, who="ann", why="disks")]
    found = effective(UP, KEY, orders, 0.0)
    assert (found.out, found.forced, found.drained) == (
        "drained by ann: disks",
        State.UP,
        "drained by ann: disks",
    )
    assert effective(UP, KEY, [order(Kind.FORCED_UP)], 0.0).out == ""
    assert effective(UP, KEY, [order(Kind.FORCED_DOWN, who="bo")], 0.0).out == "forced down by bo"


def test_a_pause_is_for_all_and_a_failover_for_one_service():
    paused = Override(Kind.PAUSE, "", who="ann", why="new servers")
    moved = Override(Kind.FAILOVER, KEY.service, to=frozenset({"10.0.0.2", "10.0.0.1"}), until=5.0)
    assert pause([moved, paused], 0.0) is paused
    assert paused.sentence == "paused by ann: new servers"
    assert failover(KEY.service, [paused, moved], 0.0) is moved
    assert failover(KEY.service, [paused, moved], 5.0) is None
    assert failover("other.test", [moved], 0.0) is None
    assert moved.sentence == "failover to 10.0.0.1, 10.0.0.2"


def test_orders_are_found_by_their_service():
    orders = [order(Kind.DRAIN), order(Kind.MAINTENANCE, ""), order(Kind.FORCED_UP)]
    assert by_service(orders) == {KEY.service: (orders[0], orders[2]), "": (orders[1],)}


def test_a_forced_state_leaves_a_drain_standing():
    found = effective(UP, KEY, [order(Kind.DRAIN), order(Kind.FORCED_UP)], 0.0)
    assert (found.drained, found.forced) == ("drained", State.UP)


def test_a_pause_may_end_by_itself():
    paused = Override(Kind.PAUSE, "", until=5.0)
    assert pause([paused], 4.9) is paused
    assert pause([paused], 5.0) is None
