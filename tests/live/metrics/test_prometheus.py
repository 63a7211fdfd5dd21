"""Real daemons are asked for their metrics as Prometheus does."""

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from rrdnsd.config.tokens import new_token
from rrdnsd.metrics import names
from support import cluster
from support.daemon import until
from support.endpoints_http import Endpoints
from support.names import NAME, ZONE
from support.ports import free_port

WIDE = 1000


def alone(endpoints, **more):
    listen = f"127.0.0.1:{free_port('127.0.0.1')}"
    return {**cluster.config(cluster.names(1), 0, endpoints), "builtin": {"listen": [listen]}, **more}


def is_up(node, count):
    until(lambda: (node.health() or {}).get("endpoints", {}).get("up") == count, lambda: node.log)


def test_every_metric_is_there_and_promtool_has_nothing_to_say(start, endpoints, scrape):
    node = start(alone(endpoints))
    is_up(node, 3)
    found = scrape(node)
    told = {metric.name.removesuffix("_total") for metric in names.metrics()}
    told |= {name.removesuffix("_total") for name in names.PROCESS}
    assert found.families.keys() == told
    types = {metric.name.removesuffix("_total"): metric.kind for metric in names.metrics()}
    assert {name: found.families[name].type for name in types} == types
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=found.text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_failover_is_told(start, endpoints, scrape):
    node = start(alone(endpoints))
    is_up(node, 3)
    endpoints.stop("127.0.0.3")
    until(
        lambda: scrape(node).values("rrdnsd_endpoint_published", address="127.0.0.3") == [0], lambda: node.log
    )
    until(lambda: scrape(node).total("rrdnsd_failover_seconds_count", step="visible") == 1, lambda: node.log)
    found = scrape(node)
    assert found.values("rrdnsd_endpoint_up", service=NAME, address="127.0.0.3") == [0]
    assert found.values("rrdnsd_endpoint_up", service=NAME, address="127.0.0.2") == [1]
    assert found.values("rrdnsd_service_endpoints", service=NAME, state="down") == [1]
    assert found.values("rrdnsd_verdict_changes_total", service=NAME, to="down") == [1]
    assert found.total("rrdnsd_probes_total", service=NAME, result="failure") >= 2
    assert found.total("rrdnsd_probe_duration_seconds_count", service=NAME) >= 3
    assert found.total("rrdnsd_dns_writes_total", zone=ZONE, rcode="NOERROR") == 2
    assert found.values("rrdnsd_dns_up", zone=ZONE) == [1]
    assert found.total("rrdnsd_failover_seconds_sum", step="visible") < 60
    assert (
        abs(found.total("rrdnsd_endpoint_verdict_timestamp_seconds", address="127.0.0.3") - time.time()) < 60
    )
    assert found.total("rrdnsd_event_loop_lag_seconds_count") > 0


def test_nodes_tell_of_each_other(start, endpoints, scrape):
    nodes = cluster.names(2)
    first, second = (start({**alone(endpoints), **_of_two(nodes, n, endpoints)}) for n in range(2))
    is_up(first, 3)
    until(lambda: scrape(first).values("rrdnsd_peer_counted", node=second.node) == [1], lambda: first.log)
    until(lambda: scrape(first).total("rrdnsd_nodes_heard") == 2, lambda: first.log)
    found = scrape(first)
    assert found.total("rrdnsd_nodes") == 2
    assert found.total("rrdnsd_peer_messages_total", node=second.node) > 0
    until(
        lambda: scrape(first).values("rrdnsd_endpoint_votes", address="127.0.0.2", state="up") == [2],
        lambda: first.log,
    )
    until(
        lambda: scrape(first).values("rrdnsd_votes", node=second.node, state="up") == [3], lambda: first.log
    )
    second.stop()
    until(lambda: scrape(first).total("rrdnsd_no_quorum") == 1, lambda: first.log)
    until(lambda: scrape(first).values("rrdnsd_peer_counted", node=second.node) == [0], lambda: first.log)


def _of_two(nodes, number, endpoints):
    return {
        **cluster.config(nodes, number, endpoints),
        "builtin": {"listen": [f"127.0.0.1:{free_port('127.0.0.1')}"]},
    }


def test_who_may_read_the_api_may_read_the_metrics(start, endpoints):
    token, hashed = new_token()
    api = {"anonymous_read": False, "tokens": [{"name": "prometheus", "scope": "read", "hash": hashed}]}
    node = start(alone(endpoints, api=api))
    is_up(node, 3)
    url = f"http://{node.node}/metrics"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=60)
    with refused.value as answer:
        assert answer.status == 401
        assert "token" in json.load(answer)["error"]
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - http, see above
        assert b"rrdnsd_build_info" in answer.read()


@pytest.fixture
def wide(start):
    """A node with a thousand endpoints, all of them up, and a StatsD server whose name does not exist."""
    served = Endpoints("0.0.0.0")
    services = [
        {
            "fqdn": f"s{n}.{ZONE}",
            "zone": ZONE,
            "healthcheck": f"http://{{}}:{served.port}/",
            "ipaddrs": [f"127.1.{n}.{last}" for last in range(1, 11)],
        }
        for n in range(WIDE // 10)
    ]
    more = {"services": services, "probe_interval_ms": 4000, "statsd": {"address": "statsd.invalid"}}
    node = start(alone(served, **more))
    is_up(node, WIDE)
    yield node
    node.stop()
    served.close()


def test_scrapers_without_number_delay_no_probe(wide, scrape, undisturbed):
    first = scrape(wide)
    assert len(first.values("rrdnsd_endpoint_up")) == WIDE
    enough, scraped = threading.Event(), []

    def go_on():
        while not enough.wait(0.05):
            with urllib.request.urlopen(f"http://{wide.node}/metrics", timeout=60) as answer:
                scraped.append(len(answer.read()))

    threads = [threading.Thread(target=go_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        undisturbed(wide, 5.0)
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    last = scrape(wide)
    assert len(scraped) > 20
    assert last.total("rrdnsd_probes_started_total") > first.total("rrdnsd_probes_started_total") + WIDE
    grown = last.total("process_resident_memory_bytes") - first.total("process_resident_memory_bytes")
    assert grown < 6_000_000
