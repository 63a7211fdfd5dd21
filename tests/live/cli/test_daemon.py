"""The commands against the real daemon with its built-in DNS server: the whole way from order to record."""

import json
import signal

import dns.message
import dns.query
import pytest

from support.daemon import PROBING, Daemon, until
from support.endpoints_http import endpoints_at
from support.names import NAME, ZONE
from support.ports import free_port


class Node(Daemon):
    """The daemon, and what its DNS server says."""

    def addresses(self, name=NAME):
        host, port = self.config["builtin"]["listen"][0].split(":")
        answer = dns.query.udp(dns.message.make_query(name, "A"), host, timeout=20, port=int(port))
        return {str(rdata) for rrset in answer.answer for rdata in rrset}


endpoints = endpoints_at("127.0.0.2", "127.0.0.3", "127.0.0.4")


@pytest.fixture
def node(tmp_path, endpoints):
    service = {
        "fqdn": NAME, "zone": ZONE, "ttl": 1, "healthcheck": f"http://{{}}:{endpoints.port}/",
        "ipaddrs": ["127.0.0.2", "127.0.0.3"],
    }  # fmt: skip
    config = {
        **PROBING, "reconcile_interval_ms": 300,
        "builtin": {"listen": [f"127.0.0.1:{free_port()}"]}, "state_dir": "state", "api": {"socket": "api.sock"},
        "services": [service],
    }  # fmt: skip
    (tmp_path / "state").mkdir()
    made = Node(tmp_path, config).start()
    until(lambda: made.health() and made.addresses() == {"127.0.0.2", "127.0.0.3"}, lambda: made.log)
    yield made
    made.stop()


def test_a_drain_waits_until_it_is_safe_and_undrain_brings_it_back(node, rrdnsd):
    done = rrdnsd("drain", "127.0.0.3", "--why", "new kernel", "--timeout", "90s")
    assert (done.returncode, done.stderr) == (0, "")
    assert node.addresses() == {"127.0.0.2"}
    lines = done.stdout.splitlines()
    assert lines[0] == f"removes 127.0.0.3 from {NAME}"
    assert lines[-1] == "safe to stop now"
    assert "drained" in rrdnsd("status").stdout
    assert "127.0.0.3: new kernel" in rrdnsd("audit").stdout
    assert rrdnsd("undrain", "127.0.0.3").returncode == 0
    until(lambda: node.addresses() == {"127.0.0.2", "127.0.0.3"}, "it is back")


def test_status_and_events_follow_an_endpoint_that_dies(node, endpoints, terminal):
    table, events = terminal("status", "--watch"), terminal("events", "--follow", columns=200)
    table.see("all endpoints are up")
    events.see(f"127.0.0.3 of {NAME}: unknown -> up")
    endpoints.stop("127.0.0.3")
    events.see(f"127.0.0.3 of {NAME}: up -> down")
    table.see("127.0.0.3 down")
    assert (table.end(signal.SIGINT), events.end(signal.SIGINT)) == (0, 0)


def test_what_is_added_is_served_and_exported(node, endpoints, rrdnsd, tmp_path):
    assert rrdnsd("endpoint", "add", NAME, "127.0.0.4").returncode == 0
    until(lambda: node.addresses() == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}, "the new one is served")
    check = f"http://{{}}:{endpoints.port}/"
    added = (
        "service",
        "add",
        f"api.{ZONE}",
        "--zone",
        ZONE,
        "--healthcheck",
        check,
        "--address",
        "127.0.0.4",
    )
    done = rrdnsd(*added, "--ttl", 1)
    assert (done.returncode, done.stderr) == (0, "")
    until(lambda: node.addresses(f"api.{ZONE}") == {"127.0.0.4"}, "the new service is served")
    exported = rrdnsd("export")
    assert exported.returncode == 0
    (tmp_path / "again.json").write_text(exported.stdout)
    checked = rrdnsd("check", tmp_path / "again.json")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "ok, 2 services, 4 endpoints" in checked.stdout
    assert rrdnsd("endpoint", "remove", NAME, "127.0.0.4").returncode == 0
    until(lambda: node.addresses() == {"127.0.0.2", "127.0.0.3"}, "it is out again")


def test_pause_and_force(node, rrdnsd):
    assert rrdnsd("pause").returncode == 0
    assert "paused" in rrdnsd("status").stdout
    assert rrdnsd("force", NAME, "127.0.0.3", "down").returncode == 0
    until(lambda: "removing" in rrdnsd("status").stdout, "it would be removed, but for the pause")
    assert node.addresses() == {"127.0.0.2", "127.0.0.3"}
    assert rrdnsd("resume").returncode == 0
    until(lambda: node.addresses() == {"127.0.0.2"}, "it is written after the pause")
    assert rrdnsd("force", NAME, "127.0.0.3", "off").returncode == 0
    until(lambda: node.addresses() == {"127.0.0.2", "127.0.0.3"}, "the probes are believed again")


def test_explain_and_backtest_know_the_past(node, rrdnsd):
    done = rrdnsd("explain", NAME, "127.0.0.2")
    assert done.returncode == 0
    assert "127.0.0.2 is in DNS" in done.stdout
    done = rrdnsd("backtest", NAME, "--fall", 5, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    compared = json.loads(done.stdout)
    assert compared["proposed"]["fall"] == 5
    assert set(compared["endpoints"]) == {"127.0.0.2", "127.0.0.3"}


def test_a_drain_goes_on_over_a_restart(node, terminal, tmp_path):
    shown = terminal("drain", "127.0.0.3", "--yes")
    shown.see("removes 127.0.0.3")
    node.stop(signal.SIGKILL)
    node.start()
    assert shown.end() == 0
    assert shown.text.endswith("safe to stop now")
    assert node.addresses() == {"127.0.0.2"}
