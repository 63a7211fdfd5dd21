"""Reloads of the real daemon with a real name server: good files, bad files, removed services, other keys, several nodes."""

import json
import signal
import urllib.error
import urllib.request

import pytest

from rrdnsd.config.tokens import new_token
from support import cluster
from support.daemon import until
from support.dns_servers import Key, Setup, start_named, zone
from support.endpoints_http import Endpoints
from support.names import NAME, ZONE
from support.operating import API, TOKEN, RefusedError, call, endpoint, newest, order, ready, service, status

ONE, TWO, THREE = cluster.ENDPOINTS
OTHER, STAYS, GOES = f"other.{ZONE}", f"stays.{ZONE}", f"goes.{ZONE}"
TAKEN_UP = "was read again"


@pytest.fixture
def alone(start, endpoints, server, key, tmp_path):
    """One node that watches a name, and what else it is given."""

    def run(*services, **more):
        config = cluster.config(cluster.names(1), 0, endpoints, server, key)
        config["services"] += services
        return start({**config, "state_dir": str(tmp_path / "state"), **more})

    return run


@pytest.fixture
def watched(endpoints):
    """A service as it stands in the file."""
    check = f"http://{{}}:{endpoints.port}/"
    return lambda fqdn, *addresses, **more: {
        "fqdn": fqdn, "zone": ZONE, "ttl": 5, "healthcheck": check, "ipaddrs": [*addresses], **more,
    }  # fmt: skip


def events(node):
    return [event["text"] for event in call(node, "api/v1/events", kind="reload")["events"]]


def reload(node, outcome=TAKEN_UP):
    """Write the node's file, send the signal, and wait for what the events say of it."""
    before = events(node)
    node.write()
    node.process.send_signal(signal.SIGHUP)
    found = until(lambda: newest(events(node), before), lambda: f"a reload:\n{node.log}")
    assert outcome in found, node.log


def serves(server, name, *addresses):
    until(
        lambda: server.addresses(name) == set(addresses),
        lambda: f"{name} is {addresses}, not {server.addresses(name)}",
    )


def fetch(node, path, token=None, body=None):
    """Ask a node as somebody with this token, or with none; returns the text of the answer."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(f"http://{node.node}/{path}", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - http, see above
        return answer.read().decode()


def metric(node, name):
    lines = fetch(node, "metrics", TOKEN).splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


def test_a_good_file_is_taken_up_and_what_is_the_same_notices_nothing(alone, server, watched):
    node = alone(watched(STAYS, ONE), watched(GOES, ONE, TWO, on_remove="withdraw"))
    ready(node)
    serves(server, NAME, ONE, TWO, THREE)
    serves(server, GOES, ONE, TWO)
    serves(server, STAYS, ONE)
    since = endpoint(node, NAME, ONE)["since"]
    messages = node.messages()
    reload(node, "it changes nothing")
    node.config["services"][0] |= {"ipaddrs": [ONE, TWO], "on_remove": "withdraw"}
    node.config["services"][1:] = [watched(OTHER, THREE)]
    reload(node)
    serves(server, NAME, ONE, TWO)
    serves(server, OTHER, THREE)
    serves(server, GOES)
    assert server.addresses(STAYS) == {ONE}
    assert endpoint(node, NAME, ONE)["since"] == since
    assert {found["fqdn"] for found in status(node)["services"]} >= {NAME, OTHER}
    assert node.messages() <= messages + 3
    # What it lists again is back.
    node.config["services"].append(watched(GOES, TWO))
    reload(node)
    serves(server, GOES, TWO)


def test_a_bad_file_changes_nothing_and_says_so_everywhere(alone, server):
    node = alone()
    ready(node)
    assert metric(node, "rrdnsd_config_last_reload_successful") == 1
    taken_up = metric(node, "rrdnsd_config_last_reload_success_timestamp_seconds")
    good = node.config
    node.config = {**good, "ttl": -1, "mode": "both", "services": [*good["services"], {"fqdn": OTHER}]}
    reload(node, "refused")
    for place in ("ttl:", "mode:", "services[1].zone:"):
        assert any(place in line and "ERROR" in line for line in node.log.splitlines()), node.log
    said = "the file on disk is not the one in use"
    assert any(said in reason for reason in node.health()["reasons"])
    assert any(said in sentence for sentence in call(node, "api/v1/status")["warnings"])
    found = call(node, "health/ready")
    assert found["ready"]
    assert said in found["warnings"][0]
    until(lambda: metric(node, "rrdnsd_config_last_reload_successful") == 0, "the metric")
    assert metric(node, "rrdnsd_config_last_reload_success_timestamp_seconds") == taken_up
    node.path.unlink()
    node.process.send_signal(signal.SIGHUP)
    node.logged("cannot be read")
    serves(server, NAME, ONE, TWO, THREE)
    with pytest.raises(RefusedError, match="cannot be read"):
        order(node, "reload")
    node.config = good
    reload(node)
    assert not any(said in reason for reason in node.health()["reasons"])
    until(lambda: metric(node, "rrdnsd_config_last_reload_successful") == 1, "the metric")


def test_what_needs_a_restart_refuses_the_whole_file(alone, server, watched):
    node = alone()
    ready(node)
    node.config |= {"heartbeat_ms": 300, "state_dir": "/elsewhere"}
    node.config["services"].append(watched(OTHER, ONE))
    reload(node, "heartbeat_ms, state_dir: cannot be changed by a reload")
    assert service(node, OTHER) is None


def test_an_order_to_reload_tells_what_it_changes_or_every_mistake(alone, watched):
    node = alone()
    ready(node)
    node.config["services"].append(watched(OTHER, ONE))
    node.config["services"][0]["ttl"] = 7
    node.write()
    expected = [f"starts to watch {OTHER} with 1 endpoint", f"{NAME}: changes ttl"]
    dry = order(node, "reload", dry_run=True)
    assert (dry["dry_run"], sorted(dry["effect"])) == (True, sorted(expected))
    assert service(node, OTHER) is None
    done = order(node, "reload", request_id="one", why="a second name")
    assert sorted(done["effect"]) == sorted(expected)
    assert service(node, OTHER)
    assert order(node, "reload", request_id="one", why="a second name")["effect"] == done["effect"]
    node.config |= {"ttl": -1, "loglevel": "loud"}
    node.write()
    with pytest.raises(RefusedError) as refused:
        order(node, "reload", dry_run=True)
    assert refused.value.status == 422
    assert "ttl: " in refused.value.said
    assert "loglevel: " in refused.value.said
    assert not any("not the one in use" in reason for reason in node.health()["reasons"])
    rows = [row for row in call(node, "api/v1/audit")["rows"] if row["action"] == "reload"]
    assert [(row["who"], row["why"]) for row in rows] == [("tests", "a second name")]


def test_mode_tokens_and_level_follow(alone, server):
    node = alone(mode="shadow")
    ready(node)
    node.logged("shadow mode, not written")
    assert server.addresses(NAME) == set()
    token, digest = new_token()
    tokens = [*API["tokens"], {"name": "second", "scope": "write", "hash": digest}]
    node.config |= {"mode": "active", "api": {"tokens": tokens}, "loglevel": "debug"}
    reload(node)
    serves(server, NAME, ONE, TWO, THREE)
    assert json.loads(fetch(node, "api/v1/pause", token, b"{}"))["changed"]
    request = urllib.request.Request(
        f"http://{node.node}/api/v1/events/stream", headers={"Authorization": f"Bearer {token}"}
    )
    stream = urllib.request.urlopen(request, timeout=60)  # noqa: S310 - http, see above
    assert stream.readline().startswith(b"retry:")
    node.config |= {"api": {**API, "anonymous_read": False}}
    reload(node)
    with stream:  # what was let in before hears no more
        stream.read()
    for given in (token, None):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            fetch(node, "api/v1/status", given)


def test_a_file_that_changes_is_taken_up_where_that_is_wished(alone, server, watched, tmp_path):
    node = alone(reload_on_change=True)
    ready(node)
    node.config["services"].append(watched(OTHER, ONE))
    text = node.path.with_suffix(".new")
    final, node.path = node.path, text
    node.write()
    node.path = final
    # As editors do: away with the old file, another in its place by a rename.
    final.rename(tmp_path / "backup")
    text.rename(final)
    serves(server, OTHER, ONE)
    final.write_text("{")
    until(lambda: any("refused" in found for found in events(node)), lambda: node.log)
    node.write()
    until(lambda: node.health()["status"] == "ok", lambda: node.log)
    assert server.addresses(OTHER) == {ONE}


def test_another_key_in_its_file_is_used_after_a_reload(start, endpoints, tmp_path):
    old, new = Key(), Key()
    folder = tmp_path / "named"
    folder.mkdir()
    server = start_named(folder, Setup(zones={ZONE: zone(ZONE)}, allowed=(new,)))
    try:
        file = tmp_path / "key"
        file.write_text(old.credentials)
        config = cluster.config(cluster.names(1), 0, endpoints, server, old)
        node = start({**config, "update_credentials": f"file:{file}"})
        node.logged("BADSIG")
        file.write_text(new.credentials)
        node.process.send_signal(signal.SIGHUP)
        serves(server, NAME, ONE, TWO, THREE)
        assert new.secret not in node.log
        endpoints.stop(TWO)
        serves(server, NAME, ONE, THREE)
    finally:
        server.stop()


def test_signals_while_it_starts_and_while_it_reloads_are_neither_lost_nor_the_end(alone, server, watched):
    node = alone()
    until(lambda: "[load_conf] reading" in node.log, lambda: node.log)
    node.config["services"].append(watched(OTHER, ONE))
    node.write()
    node.process.send_signal(signal.SIGHUP)
    serves(server, OTHER, ONE)
    node.config["services"].append(watched(STAYS, TWO))
    for _ in range(50):
        node.process.send_signal(signal.SIGHUP)
    node.write()
    node.process.send_signal(signal.SIGHUP)
    serves(server, STAYS, TWO)
    assert node.process.poll() is None
    assert node.log.count("asked by SIGHUP") < 40


def test_after_a_kill_in_the_midst_the_file_holds_whole(alone, server, watched):
    node = alone(watched(GOES, ONE, on_remove="withdraw"))
    ready(node)
    serves(server, GOES, ONE)
    node.config["services"][1:] = [watched(OTHER, TWO)]
    node.write()
    node.process.send_signal(signal.SIGHUP)
    until(lambda: "asked by SIGHUP" in node.log, lambda: node.log)
    node.stop(signal.SIGKILL)
    node.start()
    ready(node)
    serves(server, GOES)
    serves(server, OTHER, TWO)
    assert {found["fqdn"] for found in status(node)["services"]} >= {NAME, OTHER}


def test_a_start_withdraws_what_was_taken_out_of_the_file_before_it(alone, server, watched):
    node = alone(watched(GOES, ONE), watched(STAYS, ONE, on_remove="keep"), on_remove="withdraw")
    ready(node)
    serves(server, GOES, ONE)
    serves(server, STAYS, ONE)
    node.stop()
    del node.config["services"][1:]
    node.write()
    node.start()
    serves(server, GOES)
    assert server.addresses(STAYS) == {ONE}
    assert server.addresses(NAME) == {ONE, TWO, THREE}


def test_three_nodes_take_a_service_out_when_a_quorum_of_their_files_agree(nodes, server, watched, endpoints):
    made = nodes(3, on_remove="withdraw")
    for node in made:
        node.config["services"].append(watched(GOES, ONE, TWO))
        reload(node)
    serves(server, GOES, ONE, TWO)
    first, second, third = made
    for node in (first, second):
        del node.config["services"][1:]
    reload(first)
    until(
        lambda: any("no more" in event["text"] for event in call(third, "api/v1/events")["events"]),
        lambda: third.log,
    )
    cluster.probed(endpoints, ONE)
    assert server.addresses(GOES) == {ONE, TWO}
    waiting = f"{GOES}: the records {ONE}, {TWO} stay until the files of 2 of 3 nodes list them no more; so far: {first.node}"
    for node in (first, third):
        until(
            lambda node=node: waiting in status(node)["warnings"], lambda node=node: status(node)["warnings"]
        )
        assert waiting in call(node, "health/ready")["warnings"]
    reload(second)
    serves(server, GOES)
    until(lambda: waiting not in status(third)["warnings"], lambda: status(third)["warnings"])
    # The third, whose file still names it, does not put it back.
    cluster.probed(endpoints, ONE)
    assert server.addresses(GOES) == set()
    del third.config["services"][1:]
    reload(third)
    third.stop()
    third.start()
    cluster.agree(*made)
    cluster.serves(server, *cluster.ENDPOINTS, nodes=made)
    assert server.addresses(GOES) == set()
    for node in (second, third):
        node.config["services"].append(watched(GOES, TWO))
        reload(node)
    serves(server, GOES, TWO)


def test_a_reload_under_load_costs_no_turn_and_no_update(start, server, key, watched, tmp_path):
    """A thousand endpoints: nothing is missed, nothing unknown, nothing written but what the new service asks for."""
    backend = Endpoints("0.0.0.0")
    try:
        names = [f"s{number}.{ZONE}" for number in range(50)]
        check = f"tcp://{{}}:{backend.port}"
        many = [
            watched(fqdn, *[f"127.0.{10 + number // 10}.{1 + 20 * (number % 10) + one}" for one in range(20)])
            | {"healthcheck": check, "probe_interval_ms": 2000}
            for number, fqdn in enumerate(names)
        ]
        config = cluster.config(cluster.names(1), 0, None, server, key)
        node = start({**config, "services": many, "state_dir": str(tmp_path / "state")})
        ready(node)
        until(
            lambda: all(len(server.addresses(fqdn)) == 20 for fqdn in names),
            lambda: node.log[-3000:],
        )

        def figures():
            kinds = ("rrdnsd_probes_missed_total", "rrdnsd_probe_overruns_total")
            return [metric(node, name) for name in kinds], node.messages()

        # A busy machine may itself let a turn go by, but not with each reload.
        for ttl in range(5, 11):
            before = figures()
            node.config["services"] = [*many, watched(OTHER, "127.0.10.1", ttl=ttl, healthcheck=check)]
            reload(node)
            serves(server, OTHER, "127.0.10.1")
            until(lambda ttl=ttl: server.ttl(OTHER) == ttl, "the TTL")
            started = metric(node, "rrdnsd_probes_started_total")
            until(
                lambda started=started: metric(node, "rrdnsd_probes_started_total") > started + 2000,
                "two more rounds",
            )
            after = figures()
            assert before[1] < after[1] <= before[1] + 2
            if ttl > 5 and after[0] == before[0]:
                break
        assert after[0] == before[0]
        found = call(node, "api/v1/events", kind="transition", limit=1000)["events"]
        assert all("unknown -> up" in event["text"] for event in found)
        assert len({(event["service"], event["address"]) for event in found}) == len(found)
    finally:
        backend.stop("0.0.0.0")
