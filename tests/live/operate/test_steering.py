"""Every other order, seen in the real DNS: pause, maintenance, force, failover, refresh, services and endpoints."""

from datetime import UTC, datetime

import dns.query
import dns.tsigkeyring
import dns.update
import pytest

from support.cluster import ENDPOINTS, serves
from support.daemon import until
from support.names import NAME, ZONE
from support.operating import RefusedError, call, endpoint, order, ready, service, status

ONE, TWO, THREE = ENDPOINTS
OTHER = f"other.{ZONE}"


def iso(at):
    return datetime.fromtimestamp(at, UTC).isoformat()


def explained(node, address):
    return call(node, "api/v1/explain", service=NAME, address=address)


def test_a_pause_lets_no_node_write_until_it_ends(nodes, server, endpoints):
    first, second, _ = made = nodes()
    dry = order(first, "pause", dry_run=True)
    assert (dry["changed"], dry["dry_run"]) == (True, True)
    assert status(first)["paused"] == ""
    order(first, "pause", why="the DNS server moves")
    for node in made:
        until(lambda node=node: status(node)["paused"], "all of them know of it")
    endpoints.stop(TWO)
    until(lambda: endpoint(second, NAME, TWO)["verdict"] == "down", lambda: second.log)
    assert status(second)["paused"] == "paused by tests: the DNS server moves"
    said = explained(second, TWO)
    assert "paused by tests: the DNS server moves" in said["addresses"][0]["sentence"]
    assert set(said["plan"].values()) == {"nothing is written: paused by tests: the DNS server moves"}
    assert server.addresses(NAME) == set(ENDPOINTS)
    assert not order(second, "pause")["changed"]
    order(second, "resume")
    serves(server, ONE, THREE, nodes=made)


def test_a_maintenance_ends_by_itself(nodes, server, endpoints):
    (node,) = nodes(1)
    until_ = status(node)["now"] + 15
    order(node, "maintenance", service=NAME, until=iso(until_), why="new switch")
    endpoints.stop(TWO)
    until(lambda: endpoint(node, NAME, TWO)["verdict"] == "down", lambda: node.log)
    found = service(node, NAME)
    assert found["maintenance"].startswith("maintenance until ")
    assert found["maintenance"].endswith("by tests: new switch")
    assert (found["held"] != "", server.addresses(NAME)) == (True, set(ENDPOINTS))
    assert [o["until"] for o in status(node)["orders"]] == [pytest.approx(until_, abs=0.01)]
    serves(server, ONE, THREE, nodes=[node])
    assert status(node)["now"] >= until_
    assert status(node)["orders"] == []
    with pytest.raises(RefusedError, match="must lie in the future"):
        order(node, "maintenance", until=iso(until_))
    order(node, "maintenance")
    assert order(node, "maintenance/end")["changed"]
    assert not order(node, "maintenance/end")["changed"]


def test_a_forced_endpoint_is_what_it_is_forced_to_be(nodes, server, endpoints):
    first, second, _ = made = nodes()
    order(first, "force", service=NAME, address=TWO, state="down", why="it lies")
    serves(server, ONE, THREE, nodes=made)
    report = until(
        lambda: (found := endpoint(second, NAME, TWO))["forced"] and found,
        lambda: f"it is told:\n{second.log}",
    )
    assert (report["forced"], report["verdict"], report["state"]) == ("down", "up", "down")
    endpoints.stop(THREE)
    serves(server, ONE, nodes=made)
    order(second, "force", service=NAME, address=THREE, state="up")
    serves(server, ONE, THREE, nodes=made)
    for address in (TWO, THREE):
        order(second, "unforce", service=NAME, address=address)
    serves(server, ONE, TWO, nodes=made)


def test_a_failover_prefers_the_next_tier_and_a_failback_ends_it(nodes, server):
    tiers = [{"address": ONE}, {"address": TWO}, {"address": THREE, "priority": 10}]
    (node,) = nodes(1, service={"min_up": 3})
    with pytest.raises(RefusedError, match="one tier only"):
        order(node, "failover", service=NAME)
    order(node, "failover", service=NAME, to=[TWO])
    assert service(node, NAME)["failover"] == [TWO]
    serves(server, TWO, nodes=[node])
    order(node, "failback", service=NAME)
    serves(server, *ENDPOINTS, nodes=[node])
    for tier in tiers[2:]:
        order(node, "endpoint/add", service=NAME, **tier)
    order(node, "failover", service=NAME, tier=10)
    serves(server, THREE, nodes=[node])
    with pytest.raises(RefusedError, match="the last tier"):
        order(node, "failover", service=NAME)
    order(node, "failback", service=NAME)
    until(lambda: ONE in server.addresses(NAME), lambda: node.log)


def test_a_refresh_repairs_a_name_at_once(nodes, server, key):
    (node,) = nodes(1)
    keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    update = dns.update.Update(ZONE, keyring=keyring, keyalgorithm=key.algorithm)
    update.delete(f"{NAME}.", "A", THREE)
    assert dns.query.tcp(update, server.host, port=server.port, timeout=20).rcode() == 0
    outcome = order(node, "refresh", service=NAME)
    assert server.addresses(NAME) == set(ENDPOINTS)
    assert outcome["changed"]
    assert all(address in outcome["effect"][0] for address in ENDPOINTS)
    assert not order(node, "refresh", service=NAME)["changed"]
    assert [row["action"] for row in call(node, "api/v1/audit")["rows"]] == ["refresh", "refresh"]


def test_services_and_endpoints_come_and_go_on_all_nodes(nodes, server, endpoints):
    first, second, third = made = nodes()
    config = {
        "fqdn": OTHER, "zone": ZONE, "ttl": 5, "healthcheck": f"http://{{}}:{endpoints.port}/", "ipaddrs": [ONE, TWO],
    }  # fmt: skip
    assert order(first, "service/add", config=config)["changed"]
    assert not order(second, "service/add", config=config)["changed"]
    until(lambda: server.addresses(OTHER) == {ONE, TWO}, lambda: "\n".join(node.log for node in made))
    for node in made:
        found = until(lambda node=node: service(node, OTHER), "it is known everywhere")
        assert found["source"] == "api"

    order(second, "endpoint/add", service=OTHER, address=THREE)
    until(lambda: server.addresses(OTHER) == set(ENDPOINTS), lambda: "\n".join(node.log for node in made))
    order(third, "endpoint/remove", service=OTHER, address=ONE)
    until(lambda: server.addresses(OTHER) == {TWO, THREE}, lambda: "\n".join(node.log for node in made))

    third.stop()
    third.start()
    ready(third)
    until(
        lambda: {e["address"] for e in service(third, OTHER)["endpoints"]} == {TWO, THREE},
        lambda: service(third, OTHER),
    )
    exported = call(third, "api/v1/export")["config"]
    assert [found["fqdn"] for found in exported["services"]] == [NAME, OTHER]

    order(first, "service/remove", service=OTHER, withdraw=True)
    until(lambda: server.addresses(OTHER) == set(), lambda: "\n".join(node.log for node in made))
    assert server.addresses(NAME) == set(ENDPOINTS)
    for node in made:
        until(lambda node=node: service(node, OTHER) is None, "it is gone everywhere")
        assert "Traceback" not in node.log


def test_what_cannot_be_is_refused_whole_and_with_the_field(nodes, server, endpoints):
    (node,) = nodes(1)
    serial = server.serial(ZONE)
    config = {
        "fqdn": OTHER,
        "zone": ZONE,
        "healthcheck": "gopher://{}/",
        "ipaddrs": ["no address"],
        "colour": 1,
    }
    with pytest.raises(RefusedError) as found:
        order(node, "service/add", config=config)
    assert found.value.status == 422
    for field in ("config.healthcheck", "config.ipaddrs[0]", "config.colour"):
        assert field in found.value.said
    for path, body, what in (
        ("drain", {"address": "192.0.2.9"}, ONE),
        ("drain", {"address": ONE, "service": "no.example.test"}, NAME),
        ("force", {"address": "192.0.2.9", "service": NAME, "state": "up"}, ONE),
        ("service/remove", {"service": "no.example.test"}, NAME),
        ("endpoint/remove", {"service": NAME, "address": "192.0.2.9"}, ONE),
    ):
        with pytest.raises(RefusedError) as found:
            order(node, path, **body)
        assert (found.value.status, what in found.value.said) == (404, True), path
    with pytest.raises(RefusedError, match="422"):
        order(node, "service/remove", service=NAME)  # the last one
    assert (status(node)["orders"], call(node, "api/v1/audit")["rows"]) == ([], [])
    assert server.serial(ZONE) == serial


def test_a_dry_run_tells_the_effect_and_changes_nothing(nodes, server):
    (node,) = nodes(1)
    outcome = order(node, "drain", service=NAME, address=TWO, dry_run=True)
    assert outcome["effect"][0] == f"removes {TWO} from {NAME}"
    assert f"{TWO} of {NAME}: safe to stop at " in outcome["effect"][1]
    assert outcome["effect"][1].endswith("(TTL 5 s)")
    for address in (ONE, TWO):
        order(node, "drain", service=NAME, address=address)
    serves(server, THREE, nodes=[node])
    outcome = order(node, "drain", service=NAME, address=THREE, dry_run=True)
    assert f"warning: {NAME} is left without any A record" in outcome["effect"]
    assert endpoint(node, NAME, THREE)["state"] == "up"
    assert len(status(node)["orders"]) == 2


def test_what_happened_is_found_in_the_events_and_in_the_audit(nodes, server, endpoints):
    first, second, _ = made = nodes()
    order(first, "drain", service=NAME, address=TWO, why="a new disk", who="ann")
    serves(server, ONE, THREE, nodes=made)
    for node in (first, second):
        texts = until(
            lambda node=node: [e["text"] for e in call(node, "api/v1/events", kind="order")["events"]],
            "an event",
        )
        assert texts == [f"{TWO} of {NAME}: drained by tests (ann) (a new disk)"]
    (row,) = call(first, "api/v1/audit")["rows"]
    assert (row["who"], row["action"], row["target"], row["why"]) == (
        "tests (ann)",
        "drain",
        TWO,
        "a new disk",
    )
    assert call(second, "api/v1/audit")["rows"] == []
    kinds = {event["kind"] for event in call(first, "api/v1/events", limit=1000)["events"]}
    assert {"start", "transition", "peer", "order"} <= kinds
    until(
        lambda: any(call(node, "api/v1/events", kind="write")["events"] for node in made),
        "somebody tells of it",
    )
