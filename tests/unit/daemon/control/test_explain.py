"""The sentences that tell why an address is in DNS or is not."""

import pytest

from rrdnsd.core import orders
from rrdnsd.daemon.control.explain import explain
from rrdnsd.daemon.control.status import service_report, status_report
from support.names import NAME
from support.scenes import ME, NODES, ONE, START, THREE, TWO, Keeper, Stage


@pytest.fixture
def stage(tmp_path):
    return lambda **more: Stage(tmp_path, **more)


def sentence(stage, address):
    (found,) = explain(stage.scene(), NAME, address).addresses
    return found.sentence


def test_an_address_that_is_up(stage):
    assert sentence(stage().all_up(), ONE) == f"{ONE} is in DNS: up"


def test_an_address_that_is_down_and_out(stage):
    played = stage(keepers=[Keeper(ONE, THREE)]).all_up().probe(TWO, ok=False)
    assert sentence(played, TWO) == f"{TWO} is not in DNS: down: connection refused"


def test_an_address_that_shall_go_and_is_still_there(stage):
    played = stage().all_up().probe(TWO, ok=False)
    assert sentence(played, TWO) == (
        f"{TWO} is in DNS but shall not be in DNS: down: connection refused; {ME} writes it"
    )
    played.keepers[0].status.error = "REFUSED"
    assert sentence(played, TWO).endswith("; default 192.0.2.53:53: REFUSED")


def test_fail_open(stage):
    played = stage().all_up().probe(TWO, ok=False).probe(ONE, ok=False)
    assert sentence(played, TWO) == (
        f"{TWO} is in DNS: 2 of 3 endpoints are down, more than 50%: all stay published"
    )
    said = explain(played.scene(), NAME)
    assert said.sentence == (
        f"{NAME} is degraded: 2 of 3 are down and 1 of 3 is up; "
        "2 of 3 endpoints are down, more than 50%: all stay published; DNS is as it should be"
    )
    assert said.thresholds == [
        "a node says down after 2 failures and up again after 2 successes in a row",
        "this node decides alone",
        "fail-open when more than 50% of the endpoints are down: 2 of 3 are",
    ]


def test_a_drain_and_when_it_is_safe(stage):
    played = stage(keepers=[Keeper(ONE, THREE, gone={TWO: (START, 60)})]).all_up()
    played.order(orders.drain(NAME, TWO), why="a new disk")
    assert sentence(played, TWO) == (
        f"{TWO} is not in DNS: drained by ann: a new disk; safe to stop at 14:14:20 UTC"
    )
    played.later(3).later(3)
    played.now += 55
    assert sentence(played, TWO).endswith("; safe to stop since 14:14:20 UTC")


def test_a_pause_holds_up_what_shall_be(stage):
    played = stage().all_up().order(orders.pause(), why="moving").probe(TWO, ok=False)
    assert sentence(played, TWO).endswith("; nothing is written: paused by ann: moving")
    assert explain(played.scene(), NAME).plan == {
        "default 192.0.2.53:53": "nothing is written: paused by ann: moving"
    }


def test_a_standby_waits_for_its_turn(stage):
    tiers = {"ipaddrs": [{"address": ONE}, {"address": THREE, "priority": 10}]}
    played = stage(service=tiers, keepers=[Keeper(ONE)]).all_up()
    assert sentence(played, THREE) == (
        f"{THREE} is not in DNS: it is a standby (priority 10): the tier of priority 0 serves with 1 up"
    )


def test_a_first_failure_is_shown_against_its_threshold(stage):
    played = stage().all_up().probe(TWO, ok=False, times=1)
    (found,) = explain(played.scene(), NAME, TWO).addresses
    assert found.steps[0] == "probe: connection refused; this node says up (1 of 2 failures)"


def test_what_no_server_was_read_for(stage):
    played = stage(keepers=[Keeper(read_at=None)]).all_up()
    assert sentence(played, ONE).startswith(
        f"{ONE} is perhaps in DNS: no server was read yet but shall be in DNS"
    )


def test_the_ballots_of_all_nodes_those_that_do_not_count_with_why(stage):
    played = stage(nodes=NODES).all_up()
    played.later(3.5)
    played.all_up().hear(NODES[1], NODES, n1="up", n2="down", n3="up")
    found = explain(played.scene(), NAME, TWO)
    assert [(v.node, v.state, v.counted) for v in found.ballots[TWO]] == [
        (ME, "up", True),
        (NODES[1], "down", True),
        (NODES[2], "unknown", False),
    ]
    assert found.ballots[TWO][2].reason == "it is not heard"
    assert "a verdict needs 2 of 3 nodes" in found.thresholds
    assert sentence(played, TWO) == f"{TWO} is in DNS and is left so: no quorum stands behind its verdict now"
    assert found.writer in NODES[:2]


def test_dns_truth_against_what_shall_be(stage):
    played = stage(keepers=[Keeper(ONE, TWO, "198.51.100.9"), Keeper(ONE, TWO, THREE, ttl=30)]).all_up()
    report = service_report(played.scene(), played.loaded.config.services[0], (), source="file")
    assert [(s.right, s.foreign, s.ttl) for s in report.served] == [
        (False, ["198.51.100.9"], 60),
        (True, [], 30),
    ]
    assert [(e.address, e.published, e.served) for e in report.endpoints] == [
        (ONE, True, True),
        (TWO, True, True),
        (THREE, True, None),
    ]
    assert report.desired == {"A": [ONE, TWO, THREE]}


def test_the_state_of_a_service_in_words(stage):
    played = stage()
    assert status_report(played.scene()).services[0].state == "unknown"
    played.all_up()
    assert status_report(played.scene()).services[0].reason == "all endpoints are up"
    played.order(orders.drain(NAME, TWO))
    found = status_report(played.scene()).services[0]
    assert (found.state, found.reason) == ("up", "2 of 3 are up and 1 is drained")
    for address in (ONE, THREE):
        played.probe(address, ok=False)
    assert status_report(played.scene()).services[0].state == "down"
