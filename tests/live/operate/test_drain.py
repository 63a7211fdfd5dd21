"""A drain holds, whichever node took it and whichever nodes die; three real daemons and a real DNS server."""

import signal

from support.cluster import ENDPOINTS, agree, probed, serves
from support.daemon import until
from support.names import NAME, ZONE
from support.operating import endpoint, order, ready, status

DRAINED = "127.0.0.3"
LEFT = ("127.0.0.2", "127.0.0.4")


def standing(node):
    return [(o["kind"], o["service"], o["address"]) for o in status(node)["orders"]]


def test_a_drain_is_kept_by_the_others_when_its_node_is_killed_at_once(nodes, server, endpoints):
    first, second, third = made = nodes(reconcile_interval_ms=1000)
    outcome = order(first, "drain", service=NAME, address=DRAINED, why="a new disk", who="ann")
    if outcome["known_by"] == [first.node]:  # the others are waited for, but not for ever
        until(lambda: standing(second) or standing(third), "another one knows of it")
    first.stop(signal.SIGKILL)
    assert outcome["changed"]
    assert {*outcome["known_by"], *outcome["unknown_to"]} == {node.node for node in made}
    assert f"removes {DRAINED} from {NAME}" in outcome["effect"]

    serves(server, *LEFT, nodes=made)
    for node in (second, third):
        until(lambda node=node: standing(node) == [("drain", NAME, DRAINED)], lambda node=node: node.log)
        node.looks(ZONE, 2)
    probed(endpoints, DRAINED)  # it is still probed, it is up, and it stays out
    assert server.addresses(NAME) == set(LEFT)
    report = endpoint(second, NAME, DRAINED)
    assert (report["state"], report["verdict"], report["published"]) == ("drained", "up", False)
    assert "drained by tests (ann): a new disk" in report["reason"]

    first.start()
    agree(*made)
    assert standing(first) == [("drain", NAME, DRAINED)]
    for node in made:
        node.looks(ZONE, 2)
    assert server.addresses(NAME) == set(LEFT)

    undrained = order(third, "undrain", address=DRAINED)
    assert undrained["changed"]
    serves(server, *ENDPOINTS, nodes=made)
    until(lambda: all(standing(node) == [] for node in made), "the drain has ended everywhere")


def test_all_nodes_killed_and_started_anew_keep_the_drain(nodes, server):
    made = nodes(reconcile_interval_ms=1000)
    order(made[0], "drain", address=DRAINED)
    serves(server, *LEFT, nodes=made)
    for node in made:
        until(lambda node=node: status(node)["cluster"]["orders_agree"], "they agree on the orders")
    for node in made:
        node.stop(signal.SIGKILL)
    serial = server.serial(ZONE)
    for node in made:
        node.start()
    agree(*made)
    for node in made:
        ready(node)
        node.looks(ZONE, 2)
        assert standing(node) == [("drain", NAME, DRAINED)]
    assert (server.addresses(NAME), server.serial(ZONE)) == (set(LEFT), serial)


def test_an_order_reaches_a_node_that_was_down(nodes, server):
    first, second, third = made = nodes()
    third.stop(signal.SIGKILL)
    until(lambda: not first.counts(second, third), "it is missed")
    outcome = order(first, "drain", service=NAME, address=DRAINED)
    assert third.node in outcome["unknown_to"]
    serves(server, *LEFT, nodes=made)
    third.start()
    ready(third)
    until(lambda: standing(third) == [("drain", NAME, DRAINED)], lambda: third.log)
    agree(*made)
    assert server.addresses(NAME) == set(LEFT)


def test_a_drain_tells_when_it_is_safe_to_stop(nodes, server):
    (alone,) = nodes(1)
    before = status(alone)["now"]
    outcome = order(alone, "drain", service=NAME, address=DRAINED)
    serves(server, *LEFT, nodes=[alone])
    # The TTL is 5 s, and no cache can have it for longer after the moment the server was seen without it.
    drain = until(
        lambda: (r := endpoint(alone, NAME, DRAINED)["drain"]) and r["safe_at"] and r, "a finish line"
    )
    assert before + 5 <= drain["safe_at"] <= status(alone)["now"] + 5
    assert before + 5 <= outcome["safe_at"] <= drain["safe_at"] + 5
    assert (drain["safe"], drain["waiting_for"]) == (False, "resolvers may still have it in their caches")
    until(lambda: endpoint(alone, NAME, DRAINED)["drain"]["safe"], "it is safe")
    assert status(alone)["now"] >= drain["safe_at"]
    again = order(alone, "drain", service=NAME, address=DRAINED)
    assert not again["changed"]
    assert f"{DRAINED} of {NAME}: drained by tests since" in again["effect"][0]


def test_a_drain_waits_for_a_server_that_does_not_answer(nodes, server):
    (alone,) = nodes(1, reconcile_interval_ms=1000)
    server.stop()
    order(alone, "drain", service=NAME, address=DRAINED)
    waiting = until(
        lambda: (
            "still serves it: " in (said := endpoint(alone, NAME, DRAINED)["drain"]["waiting_for"]) and said
        ),
        lambda: str(endpoint(alone, NAME, DRAINED)),
    )
    assert f"{server.host}:{server.port}" in waiting
    assert endpoint(alone, NAME, DRAINED)["drain"]["safe_at"] is None
