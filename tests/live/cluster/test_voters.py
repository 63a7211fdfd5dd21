"""Five real nodes of which three vote: who probes, and what becomes of DNS when voters are killed."""

import signal

import pytest

from rrdnsd.core.voters import voters
from support import cluster
from support.cluster import ENDPOINTS, agree, probed, serves
from support.daemon import until
from support.names import NAME
from support.operating import API, status

GOING, LATER = ENDPOINTS[2], ENDPOINTS[1]


@pytest.fixture
def five(start, endpoints, server, key):
    """Five nodes that agree: first the three that vote, then the others."""
    names = cluster.names(5)
    made = {}
    for number, name in enumerate(names):
        config = cluster.config(names, number, endpoints, server, key, voters=3, api=API)
        made[name] = start(config)
    voting = voters(NAME, names, 3)
    serves(server, *ENDPOINTS, nodes=made.values())
    agree(*made.values())
    return [made[name] for name in voting], [made[name] for name in names if name not in voting]


def service(node):
    return status(node)["services"][0]


def endpoint(node, address):
    return next(found for found in service(node)["endpoints"] if found["address"] == address)


def test_three_of_five_nodes_probe_and_decide(five, server, endpoints):
    voting, others = five
    for node in (*voting, *others):
        assert service(node)["voters"] == [voter.node for voter in voting]
        assert {vote["node"] for vote in endpoint(node, GOING)["votes"]} == {v.node for v in voting}
    until(lambda: all(endpoint(node, GOING)["probe_ok"] for node in voting), "all voters have probed")

    endpoints.stop(GOING)
    serves(server, *ENDPOINTS[:2], nodes=(*voting, *others))
    for node in others:
        # It knows the verdict from the voters, and nothing by itself.
        until(lambda node=node: endpoint(node, GOING)["verdict"] == "down", "everybody knows it")
        assert "of 3 voters report" in endpoint(node, GOING)["reason"]
        assert {found["probe_ok"] for found in service(node)["endpoints"]} == {None}

    first, second, last = voting
    first.stop(signal.SIGKILL)
    until(lambda: last.counts(second, *others), "it is missed")
    endpoints.start(GOING)
    serves(server, *ENDPOINTS, nodes=(second, last, *others))

    second.stop(signal.SIGKILL)
    for node in (last, *others):
        until(lambda node=node: endpoint(node, LATER)["pending"], "no quorum of the voters is left")
    live = (last, *others)
    messages = sum(node.messages() for node in live)
    endpoints.stop(LATER)
    until(lambda: "down" in [vote["state"] for vote in endpoint(last, LATER)["votes"]], "it is seen down")
    probed(endpoints, GOING, times=4)
    assert server.addresses(NAME) == {*ENDPOINTS}
    assert sum(node.messages() for node in live) == messages
    assert endpoint(last, LATER)["verdict"] == "up"

    second.start()
    serves(server, ENDPOINTS[0], GOING, nodes=(second, *live))
