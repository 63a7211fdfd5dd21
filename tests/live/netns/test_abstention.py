"""Nodes whose own link is at fault say so and do not vote; without that a majority of them would be believed."""

import pytest

from support.endpoints_http import Endpoints
from support.names import NAME, ZONE
from support.netns import apart
from support.netns_cluster import service


@pytest.fixture
def uplink(network):
    """Something that every node can always reach, and the check of it."""
    router = network.host("router", 3)
    http = router.call(Endpoints, *router.addresses)
    yield router, {"connectivity_check": [f"http://{router}:{http.port}/"]}
    router.call(http.close)


def test_nodes_whose_connectivity_check_fails_abstain(site, uplink):
    router, check = uplink
    made = site(3, **check)
    *cut_off, _ = made.writers_in_order()
    hidden = made.addresses[0]
    marks = [len(node.log) for node in made.nodes]
    # Two of three lose their uplink: what is behind it looks down to them, and two would be a quorum.
    made.network.fail(apart([node.host for node in cut_off], [router, hidden]))
    for node in cut_off:
        node.complains("connectivity check fails")
    made.keeps(made.all, 5)
    for node, mark in zip(made.nodes, marks, strict=True):
        assert node.transitions(mark) == []
    made.network.heal()
    made.settle()
    made.down(hidden)
    made.serves(made.all - {hidden})


def test_one_node_whose_connectivity_check_fails_leaves_a_quorum(site, uplink):
    router, check = uplink
    made = site(3, **check)
    lost = made.writers_in_order()[0]
    dead, *hidden = made.addresses
    made.network.fail(apart(lost.host, [router, *hidden]))
    lost.complains("connectivity check fails")
    made.down(dead)
    made.serves(made.all - {dead})
    made.keeps(made.all - {dead}, 4)
    made.network.heal()
    made.settle()


def test_one_node_alone_abstains_too(site, uplink):
    router, check = uplink
    made = site(1, **check)
    (node,) = made.nodes
    hidden = made.addresses[0]
    made.network.fail(apart(node.host, [router, hidden]))
    node.complains("connectivity check fails")
    made.keeps(made.all, 4)
    made.network.heal()
    made.settle()
    made.down(hidden)
    made.serves(made.all - {hidden})


def test_a_node_that_alone_sees_several_services_fail_abstains(site):
    made = site(3, start=False)
    two = [service(name, made.http.port, made.addresses) for name in (NAME, f"api.{ZONE}")]
    for node in made.nodes:
        node.configure(services=two)
    made.start()
    lone, other, third = made.writers_in_order()
    made.network.fail(apart(lone.host, [*made.addresses]))
    lone.complains("its own link may be at fault")
    made.keeps(made.all, 4)
    # Its doubt in itself costs the others nothing: they are two of three.
    dead = made.addresses[0]
    made.down(dead)
    made.serves(made.all - {dead})
    # With one of them gone there is no quorum of votes, and so nothing is taken away or put back.
    other.kill()
    third.until(lambda node: other.name not in node.counted(), "misses the other")
    mark = made.server.mark()
    made.up(dead)
    made.keeps(made.all - {dead}, 4)
    assert made.server.triers(mark) == set()
    made.network.heal()
    made.serves(made.all)
