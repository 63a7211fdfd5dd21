"""One real daemon: the messages of the command line, of orders and of a service that is down; no secret anywhere."""

import json
import subprocess
import sys

from support import cluster, operating
from support.ports import free_port

TOKEN_IN_URL = "T0P-S3CRET"


def config(endpoints, receiver, **more):
    made = cluster.config([f"127.0.0.1:{free_port()}"], 0, endpoints, update_method="builtin")
    hook = {"type": "webhook", "url": f"{receiver.url}?{TOKEN_IN_URL}", "batch_ms": 300, **more}
    builtin = {"listen": [f"127.0.0.1:{free_port()}"]}
    return {**made, "api": operating.API, "builtin": builtin, "notifiers": [hook]}


def test_a_whole_service_is_one_urgent_message_and_a_drained_endpoint_none(start, endpoints, receiver):
    node = start(config(endpoints, receiver))
    operating.ready(node)
    operating.order(node, "drain", service=cluster.NAME, address="127.0.0.4")
    for address in cluster.ENDPOINTS:
        endpoints.stop(address)
    (down,) = receiver.got(1, kind="service", state="down")
    assert down["severity"] == "critical"
    addresses = {event["address"] for event in receiver.got(2, state="down")}
    assert addresses == {"127.0.0.2", "127.0.0.3"}
    for address in cluster.ENDPOINTS:
        endpoints.start(address)
    receiver.got(1, kind="service", state="up")
    receiver.got(2, state="up")
    assert TOKEN_IN_URL not in node.log
    assert all(d.document["node"] == node.node for d in receiver.taken)


def test_nothing_in_maintenance(start, endpoints, receiver):
    node = start(config(endpoints, receiver))
    operating.ready(node)
    operating.order(node, "maintenance", service=cluster.NAME)
    endpoints.stop("127.0.0.3")
    node.logged(f"127.0.0.3 of {cluster.NAME}: up -> down")
    endpoints.stop("127.0.0.4")
    node.logged(f"127.0.0.4 of {cluster.NAME}: up -> down")
    assert receiver.tried == []
    endpoints.start("127.0.0.3")
    node.logged(f"127.0.0.3 of {cluster.NAME}: down -> up")
    operating.order(node, "maintenance/end", service=cluster.NAME)
    (down,) = receiver.got(1, state="down")
    assert down["address"] == "127.0.0.4"
    assert len(receiver.events()) == 1


def test_the_command_says_what_each_answered(endpoints, receiver, tmp_path):
    made = config(endpoints, receiver)
    made["notifiers"].append({"type": "script", "name": "pager", "command": ["/bin/sh", "-c", "exit 3"]})
    path = tmp_path / "rrdnsd.json"
    path.write_text(json.dumps(made))

    def run(*args):
        command = [sys.executable, "-m", "rrdnsd", "notify", "test", "--config", str(path), *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    found = run()
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        "webhook: delivered: HTTP status 204",
        "pager: failed: exit status 3",
    ]
    assert receiver.taken[0].document["test"] is True
    one = run("webhook", "--json")
    assert one.returncode == 0
    assert json.loads(one.stdout) == [
        {"name": "webhook", "type": "webhook", "ok": True, "answer": "HTTP status 204"}
    ]
    unknown = run("telegraph")
    assert unknown.returncode == 2
    assert 'there is no notifier "telegraph", known: webhook, pager' in unknown.stderr
