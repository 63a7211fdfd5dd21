"""Nodes that are configured differently: both sides see it, and ballots count only where the question is the same."""

import signal

from support.cluster import ENDPOINTS, agree, config, names, probed, serves
from support.daemon import until
from support.names import NAME

API = "api.example.test"
DIFFERENT = "it probes this service differently: its ballots do not count"
OTHER_NODES = "it is configured with other nodes: its ballots do not count"


def tells(node, *mismatches):
    until(
        lambda: sorted(node.cluster.get("mismatches", ())) == sorted(mismatches),
        lambda: f"{node.cluster}\n{node.log}",
    )


def test_a_service_that_is_probed_differently_on_one_node(start, endpoints, server, key):
    nodes, made = names(), []
    for number in range(3):
        own = config(nodes, number, endpoints, server, key)
        (www,) = own["services"]
        own["services"] = [{**www, "method": "HEAD"} if number == 2 else www, {**www, "fqdn": API}]
        made.append(start(own))
    first, second, odd = made
    until(lambda: server.addresses(NAME) == server.addresses(API) == set(ENDPOINTS), lambda: first.log)
    agree(*made)
    tells(first, f"{odd.node}, {NAME}: {DIFFERENT}")
    tells(odd, f"{first.node}, {NAME}: {DIFFERENT}", f"{second.node}, {NAME}: {DIFFERENT}")
    first.logged(f"[quorum] {odd.node}, {NAME}: {DIFFERENT}")
    odd.logged(f"[quorum] {second.node}, {NAME}: {DIFFERENT}")

    second.stop(signal.SIGKILL)
    until(lambda: first.counts(odd), "the second node is missed")
    endpoints.stop("127.0.0.3")
    until(lambda: server.addresses(API) == {"127.0.0.2", "127.0.0.4"}, lambda: first.log)  # two of three
    probed(endpoints, "127.0.0.4")
    assert server.addresses(NAME) == set(ENDPOINTS)  # one of three on each question
    assert not [line for line in first.lines(f"of {NAME}") if "up -> down" in line]

    odd.stop()
    odd.config["services"][0]["method"] = "GET"
    odd.write()
    odd.start()
    serves(server, "127.0.0.2", "127.0.0.4", nodes=made)
    tells(first)
    first.logged(f"[quorum] {odd.node}, {NAME}: it is configured alike now")


def test_a_service_that_only_one_node_watches(start, endpoints, server, key):
    nodes, made = names(), []
    for number in range(3):
        own = config(nodes, number, endpoints, server, key)
        if number == 0:
            own["services"].append({**own["services"][0], "fqdn": API})
        made.append(start(own))
    serves(server, *ENDPOINTS, nodes=made)
    tells(made[1], f"{made[0].node}, {API}: it watches this service, which is not configured here")
    tells(made[0], *(f"{node.node}, {API}: it does not watch this service" for node in made[1:]))
    probed(endpoints, "127.0.0.4")
    assert server.addresses(API) == set()  # one of three is no quorum, so nothing was ever published
    assert made[0].health()["endpoints"]["unknown"] == 3


def test_a_node_that_is_configured_with_other_nodes(start, endpoints, server, key):
    nodes, made = names(), []
    for number in range(3):
        own = config(nodes, number, endpoints, server, key)
        if number == 2:
            own["nodes"] = [*nodes, "127.0.0.4:3333"]
        made.append(start(own))
    first, second, odd = made
    serves(server, *ENDPOINTS, nodes=made)
    tells(first, f"{odd.node}, nodes: {OTHER_NODES}")
    tells(odd, f"{first.node}, nodes: {OTHER_NODES}", f"{second.node}, nodes: {OTHER_NODES}")
    until(lambda: first.counts(second) and odd.counts(), lambda: odd.log)
    until(lambda: odd.cluster["no_quorum"] == "no quorum: only 1 of 4 nodes heard", lambda: odd.log)
    first.logged(f"[quorum] {odd.node}, nodes: {OTHER_NODES}")
