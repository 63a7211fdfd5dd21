"""Nodes leave and come while the others go on; the list survives restarts."""

import signal

import pytest

from support import cluster
from support.cluster import ENDPOINTS, agree, serves
from support.daemon import until
from support.names import NAME
from support.operating import RefusedError, call, order, ready, status


def nodes_of(node):
    return status(node)["cluster"]["nodes"]


def test_a_node_is_removed_and_added_again(nodes, server, endpoints):
    first, second, third = made = nodes()
    dry = order(first, "node/remove", node=third.node, dry_run=True)
    assert dry["dry_run"]
    outcome = order(first, "node/remove", node=third.node, why="it is too old")
    assert outcome["changed"]
    until(lambda: nodes_of(first) == nodes_of(second) == 2, lambda: first.log)
    assert not order(second, "node/remove", node=third.node)["changed"]
    third.stop(signal.SIGKILL)
    endpoints.stop("127.0.0.3")  # two of two decide
    serves(server, "127.0.0.2", "127.0.0.4", nodes=made)
    for node in (first, second):
        node.stop()
        node.start()
    agree(first, second)
    assert (nodes_of(first), call(first, "api/v1/export")["config"]["nodes"]) == (
        2,
        [first.node, second.node],
    )

    third.start()
    ready_or_waiting(third)
    assert order(second, "node/add", node=third.node)["changed"]
    agree(*made)
    assert {nodes_of(node) for node in made} == {3}
    endpoints.start("127.0.0.3")
    serves(server, *ENDPOINTS, nodes=made)
    assert [row["action"] for row in call(first, "api/v1/audit")["rows"]] == 2 * ["node/remove"]
    assert [row["target"] for row in call(second, "api/v1/audit")["rows"]] == 2 * [third.node]
    assert all("Traceback" not in node.log for node in made)


def ready_or_waiting(node):
    """Wait until a node answers; that it is not ready yet is an answer, too."""

    def answers():
        return node.health() is not None

    until(answers, lambda: node.log)


def test_a_node_alone_without_a_secret_gets_no_company(start, endpoints, server, key):
    config = cluster.config(cluster.names(1), 0, endpoints, server, key)
    del config["cluster_secret"]
    config["insecure_cluster"] = False
    node = start(config)
    ready(node)
    with pytest.raises(RefusedError) as found:
        order(node, "node/add", node="192.0.2.7:3333")
    assert (found.value.status, "cluster_secret" in found.value.said) == (422, True)
    assert status(node)["warnings"] == [
        "there is no state_dir: orders, events and history of this node do not survive its restart"
    ]
    assert NAME in {service["fqdn"] for service in status(node)["services"]}
