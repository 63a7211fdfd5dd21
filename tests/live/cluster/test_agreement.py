"""Three daemons that act as one against a real DNS server: what is written, by whom, and how often."""

import itertools
import signal

import dns.query
import dns.tsigkeyring
import dns.update

from support.cluster import ALONE, ENDPOINTS, agree, budgets, config, decided_after, names, probed, serves
from support.daemon import until
from support.dns_servers import Setup, start_named, zone
from support.endpoints_http import Endpoints
from support.names import NAME, ZONE


def reads(nodes):
    """How often each of them has read the zone."""
    return {node.node: sum(entry["reads"] for entry in node.kept(ZONE)) for node in nodes}


def test_a_change_is_written_by_one_node_only_and_its_budget_is_told_once(three, endpoints, server):
    nodes = three(**ALONE)
    serves(server, *ENDPOINTS, nodes=nodes)
    agree(*nodes)
    serial, sent = server.serial(ZONE), sum(node.messages() for node in nodes)
    for round_ in (1, 2):
        endpoints.stop("127.0.0.3")
        serves(server, "127.0.0.2", "127.0.0.4", nodes=nodes)
        before = reads(nodes)
        endpoints.start("127.0.0.3")
        serves(server, *ENDPOINTS, nodes=nodes)
        until(lambda round_=round_: len(budgets(*nodes)) == 2 * round_, lambda: f"{budgets(*nodes)}")
    until(
        lambda: all(now > before[node] for node, now in reads(nodes).items()), "each has had its turn to look"
    )
    assert server.serial(ZONE) == serial + 4
    assert sum(node.messages() for node in nodes) == sent + 4
    assert len(budgets(*nodes)) == 4
    for line in budgets(*nodes):
        assert "127.0.0.3 of www.example.test" in line
        assert f"visible on default {server.host}:{server.port} after" in line
    for node in nodes:
        assert len(node.lines("up -> down")) == 2
        until(lambda node=node: node.health()["status"] == "ok", lambda node=node: node.log)
        assert "Traceback" not in node.log


def test_with_two_servers_one_node_tells_when_both_show_it(start, endpoints, server, key, tmp_path):
    (tmp_path / "another").mkdir()
    second = start_named(tmp_path / "another", Setup(zones={ZONE: zone(ZONE)}, allowed=(key,)))
    try:
        both = [f"{one.host}:{one.port}" for one in (server, second)]
        every = names()
        nodes = [
            start(config(every, number, endpoints, server, key, update_resolvers=both, **ALONE))
            for number in range(3)
        ]
        serves(second, *ENDPOINTS, nodes=nodes)
        agree(*nodes)
        endpoints.stop("127.0.0.3")
        for one in (server, second):
            serves(one, "127.0.0.2", "127.0.0.4", nodes=nodes)
        until(lambda: budgets(*nodes), lambda: nodes[0].log)
        (line,) = budgets(*nodes)
        assert all(f"visible on default {address} after" in line for address in both)
    finally:
        second.stop()


def test_health_shows_the_peers(three):
    nodes = three()
    agree(*nodes)
    for node in nodes:
        report = node.cluster
        assert report["nodes"] == 3
        assert (report["no_quorum"], report["abstains"], report["mismatches"], report["refused"]) == (
            "",
            "",
            [],
            {},
        )
        assert {peer["node"] for peer in report["peers"]} == {
            other.node for other in nodes if other is not node
        }
        assert all(0 <= peer["heard_s"] < 5 and peer["abstains"] == "" for peer in report["peers"])


def test_drift_is_repaired_by_one_node_only(three, server, key):
    nodes = three(reconcile_interval_ms=1000, **ALONE)
    serves(server, *ENDPOINTS, nodes=nodes)
    agree(*nodes)
    serial, sent = server.serial(ZONE), sum(node.messages() for node in nodes)
    keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    update = dns.update.Update(ZONE, keyring=keyring, keyalgorithm=key.algorithm)
    update.delete(f"{NAME}.", "A", "127.0.0.4")
    assert dns.query.tcp(update, server.host, port=server.port, timeout=20).rcode() == 0
    serves(server, *ENDPOINTS, nodes=nodes)
    for node in nodes:
        node.looks(ZONE, 2)
    assert server.serial(ZONE) == serial + 2
    assert sum(node.messages() for node in nodes) == sent + 1


def test_when_the_first_writer_is_killed_the_next_one_takes_over(three, endpoints, server):
    nodes = three(**ALONE)
    serves(server, *ENDPOINTS, nodes=nodes)
    agree(*nodes)
    endpoints.stop("127.0.0.3")
    serves(server, "127.0.0.2", "127.0.0.4", nodes=nodes)
    until(lambda: budgets(*nodes), "somebody wrote it")
    (writer,) = [node for node in nodes if budgets(node)]
    others = [node for node in nodes if node is not writer]

    writer.stop(signal.SIGKILL)
    endpoints.start("127.0.0.3")  # at once: the others do not even know yet that it is gone
    serves(server, *ENDPOINTS, nodes=others)
    until(
        lambda: all(not node.counts(writer, other) for node, other in itertools.permutations(others, 2)),
        "it is missed",
    )
    endpoints.stop("127.0.0.2")
    serves(server, "127.0.0.3", "127.0.0.4", nodes=others)
    for node in others:
        node.logged("not heard for more than 5 s")

    writer.start()
    agree(*nodes)
    endpoints.start("127.0.0.2")
    serves(server, *ENDPOINTS, nodes=nodes)


def test_a_minority_writes_nothing_and_says_so(three, endpoints, server):
    nodes = three(reconcile_interval_ms=500)
    serves(server, *ENDPOINTS, nodes=nodes)
    agree(*nodes)
    last, *gone = nodes
    for node in gone:
        node.stop(signal.SIGKILL)
    until(lambda: last.cluster.get("no_quorum"), "it notices")
    assert last.cluster["no_quorum"] == "no quorum: only 1 of 3 nodes heard"
    assert last.health()["status"] == "degraded"
    serial = server.serial(ZONE)
    endpoints.stop("127.0.0.3")
    (before,) = reads([last]).values()
    probed(endpoints, "127.0.0.4", times=3)
    assert server.serial(ZONE) == serial
    assert "up -> down" not in last.log
    assert reads([last])[last.node] - before <= 1

    gone[0].start()
    serves(server, "127.0.0.2", "127.0.0.4", nodes=nodes)
    assert server.serial(ZONE) == serial + 1


def test_a_node_that_comes_back_learns_before_it_speaks_and_writes_nothing(three, endpoints, server):
    nodes = three(reconcile_interval_ms=1000)
    serves(server, *ENDPOINTS, nodes=nodes)
    agree(*nodes)
    newcomer, *others = nodes
    newcomer.stop(signal.SIGKILL)
    endpoints.stop("127.0.0.3")
    serves(server, "127.0.0.2", "127.0.0.4", nodes=others)
    serial, before = server.serial(ZONE), len(newcomer.log)
    newcomer.start()
    agree(*nodes)
    until(lambda: "127.0.0.3 of www.example.test: unknown -> down" in newcomer.log[before:], "it knows")
    newcomer.looks(ZONE, 1)
    log = newcomer.log[before:]
    assert log.index("this node abstains: learning") < log.index("unknown -> down")
    assert newcomer.messages() == 0
    assert server.serial(ZONE) == serial
    endpoints.start("127.0.0.3")
    serves(server, *ENDPOINTS, nodes=nodes)


def test_a_suspicion_makes_the_others_look_at_once(three, endpoints, server):
    nodes = three(probe_interval_ms=30_000, probe_timeout_ms=5000, fast_interval_ms=100)
    serves(server, *ENDPOINTS, nodes=nodes)
    agree(*nodes)
    endpoints.stop("127.0.0.3")
    serves(server, "127.0.0.2", "127.0.0.4", nodes=nodes)
    until(lambda: budgets(*nodes), "somebody wrote it")
    # The next node's own turn would be ten seconds after the first one's.
    assert decided_after(budgets(*nodes)[0]) < 8


def test_a_node_without_a_link_of_its_own_abstains(three, endpoints, server):
    uplink = Endpoints("127.0.0.9")
    check = {"connectivity_check": [f"tcp://127.0.0.9:{uplink.port}"]}
    try:
        nodes = three(each={2: check})
        serves(server, *ENDPOINTS, nodes=nodes)
        agree(*nodes)
        first, second, doubtful = nodes
        uplink.stop("127.0.0.9")
        until(lambda: not first.counts(second, doubtful) and first.counts(second), lambda: doubtful.log)
        sentence = doubtful.cluster["abstains"]
        assert (
            sentence == f"its own connectivity check fails: tcp://127.0.0.9:{uplink.port}: connection refused"
        )
        (peer,) = [peer for peer in first.cluster["peers"] if peer["node"] == doubtful.node]
        assert (peer["counted"], peer["abstains"]) == (False, sentence)
        doubtful.logged(f"[quorum] this node abstains: {sentence}")
        first.logged(f"[quorum] the votes of {doubtful.node} do not count: it abstains: {sentence}")
        assert doubtful.health()["status"] == "degraded"
        until(lambda: first.health()["status"] == "ok", lambda: first.log)

        endpoints.stop("127.0.0.3")  # the two others are a quorum
        serves(server, "127.0.0.2", "127.0.0.4", nodes=nodes)
        endpoints.start("127.0.0.3")
        serves(server, *ENDPOINTS, nodes=nodes)
        second.stop(signal.SIGKILL)
        until(first.counts, "it is missed")
        endpoints.stop("127.0.0.2")  # two see it, but one of them does not count
        probed(endpoints, "127.0.0.4")
        assert server.addresses(NAME) == set(ENDPOINTS)
        uplink.start("127.0.0.9")
        serves(server, "127.0.0.3", "127.0.0.4", nodes=nodes)
    finally:
        uplink.close()
