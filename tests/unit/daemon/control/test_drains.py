"""When a drained address may be stopped, and what that waits for."""

import pytest

from rrdnsd.core import orders
from rrdnsd.core.model import EndpointKey
from rrdnsd.daemon.control.drains import CACHES, confirm, drain_report
from support.names import NAME
from support.scenes import ME, NODES, ONE, START, THREE, TWO, WALL, Keeper, Stage

KEY = EndpointKey(NAME, TWO)


@pytest.fixture
def drained(tmp_path):
    def play(*keepers, **more):
        stage = Stage(tmp_path, keepers=list(keepers), **more).all_up()
        return stage.order(orders.drain(NAME, TWO))

    return play


def test_what_is_not_drained_has_no_finish_line(tmp_path):
    assert drain_report(Stage(tmp_path).all_up().scene(), KEY) is None


def test_the_last_server_and_its_ttl_count(drained):
    stage = drained(
        Keeper(ONE, THREE, gone={TWO: (START + 1, 60)}), Keeper(ONE, THREE, gone={TWO: (START + 2, 300)})
    )
    report = drain_report(stage.scene(), KEY)
    assert (report.since, report.safe_at, report.safe, report.waiting_for) == (
        WALL,
        WALL + 302,
        False,
        CACHES,
    )
    stage.now += 301
    assert not drain_report(stage.scene(), KEY).safe
    stage.now += 1
    report = drain_report(stage.scene(), KEY)
    assert (report.safe, report.waiting_for) == (True, "")


def test_a_server_that_serves_it_is_waited_for(drained):
    stage = drained(Keeper(ONE, THREE, gone={TWO: (START, 60)}), Keeper(ONE, TWO, THREE))
    stage.keepers[1].status.error = "no answer"
    report = drain_report(stage.scene(), KEY)
    assert (report.safe_at, report.waiting_for) == (None, "default 192.0.2.53:53 still serves it: no answer")


def test_a_server_that_was_not_read_is_waited_for(drained):
    report = drain_report(drained(Keeper(read_at=None)).scene(), KEY)
    assert (report.safe_at, report.waiting_for) == (None, "default 192.0.2.53:53 was not read yet")


def test_a_pause_is_named(drained):
    stage = drained(Keeper(ONE, TWO, THREE)).order(orders.pause())
    assert drain_report(stage.scene(), KEY).waiting_for == (
        "default 192.0.2.53:53 still serves it, and nothing is written: paused by ann"
    )


def test_nodes_that_serve_the_zone_themselves_must_know_of_it(drained):
    stage = drained(Keeper(ONE, THREE, gone={TWO: (START, 60)}), nodes=NODES, method="builtin")
    assert drain_report(stage.scene(), KEY).waiting_for == (
        "not every node has confirmed it, and each serves the zone itself"
    )
    confirm(stage.confirmed, stage.ledger, START + 10, everywhere=True)
    confirm(stage.confirmed, stage.ledger, START + 20, everywhere=True)
    assert drain_report(stage.scene(), KEY).safe_at == WALL + 10 + 1 + 60
    stage.order(orders.drain(NAME, TWO).lifted())
    confirm(stage.confirmed, stage.ledger, START + 30, everywhere=True)
    assert stage.confirmed == {}


def test_who_writes_first_is_named(drained):
    stage = drained(Keeper(ONE, TWO, THREE))
    assert drain_report(stage.scene(), KEY).waiting_for == "default 192.0.2.53:53 still serves it"
    assert stage.scene().writers(NAME) == [ME]
