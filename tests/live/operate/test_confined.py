"""Changes of a daemon whose sandbox is in force: what fits is taken up, what needs more is refused when it is asked for."""

import json
import os
import signal

import pytest

from support import cluster
from support.cluster import ENDPOINTS
from support.daemon import until
from support.names import NAME, ZONE
from support.operating import RefusedError, call, newest, order, ready, service
from support.ports import free_port

OUTSIDE = "is outside of what the sandbox allows since the start; restart rrdnsd"


@pytest.fixture
def confined(start, endpoints, server, key, tmp_path):
    """A node alone whose configuration lies in the home directory, which the sandbox opens to nothing else."""
    config = cluster.config(cluster.names(1), 0, endpoints, server, key)
    node = start({**config, "state_dir": str(tmp_path / "state")}, env={"HOME": str(tmp_path)})
    ready(node)
    assert "[sandbox] files: " in node.log
    return node


def reloads(node):
    return [event["text"] for event in call(node, "api/v1/events", kind="reload")["events"]]


def replaced(node):
    """Replace the file by renaming, as editors and configuration management do, and let it be read again."""
    before = reloads(node)
    new = node.path.with_suffix(".new")
    new.write_text(json.dumps(node.config))
    os.replace(new, node.path)  # noqa: PTH105 -- what is tested
    node.process.send_signal(signal.SIGHUP)
    return until(lambda: newest(reloads(node), before), lambda: f"a reload:\n{node.log}")


def one_more(port, name="more"):
    check = f"http://{{}}:{port}/"
    return {"fqdn": f"{name}.{ZONE}", "zone": ZONE, "ttl": 5, "healthcheck": check, "ipaddrs": [ENDPOINTS[0]]}


def refused(asked, path, **body):
    with pytest.raises(RefusedError) as found:
        order(asked, path, **body)
    assert found.value.status == 422
    (problem,) = json.loads(found.value.said)["problems"]
    return problem


def test_a_file_that_was_replaced_by_renaming_is_read_again(confined, endpoints):
    for name in ("one", "two"):
        confined.config["services"].append(one_more(endpoints.port, name))
        assert "was read again: " in replaced(confined)
        assert service(confined, f"{name}.{ZONE}")


def test_a_file_that_needs_another_port_is_refused_whole(confined, endpoints):
    confined.config["services"] += [one_more(endpoints.port, "good"), one_more(port := free_port())]
    said = replaced(confined)
    assert "refused, nothing has changed" in said
    assert f"TCP port {port} (probe of more.{ZONE}) {OUTSIDE}" in said
    assert service(confined, f"good.{ZONE}") is None


def test_an_order_that_needs_another_port_is_refused_as_a_dry_run_as_well(confined):
    wanted = one_more(port := free_port())
    for dry_run in (True, False):
        problem = refused(confined, "service/add", config=wanted, dry_run=dry_run)
        assert problem["field"] == "config"
        assert problem["sentence"].startswith(f"TCP port {port} (probe of more.{ZONE}) {OUTSIDE}")
    assert service(confined, wanted["fqdn"]) is None
    assert service(confined, NAME)
    assert not call(confined, "api/v1/status")["warnings"]


def test_a_node_at_another_port_is_refused_before_anybody_is_asked(confined):
    node = f"127.0.0.2:{free_port()}"
    for dry_run in (True, False):
        problem = refused(confined, "node/add", node=node, dry_run=dry_run)
        assert problem["field"] == "node"
        assert f"(node {node}) {OUTSIDE}" in problem["sentence"]
    assert confined.health()["cluster"]["nodes"] == 1
