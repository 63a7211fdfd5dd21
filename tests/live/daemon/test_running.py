"""Starting, watching in hard times, and ending: the real daemon as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rrdnsd import __version__
from support.daemon import Daemon, until
from support.dns_servers import Setup, start_named, zone
from support.endpoints_http import Endpoints
from support.names import NAME, ZONE
from support.ports import free_port
from support.silence import BlackHole, Silent

README_EXAMPLE = Path(__file__).parents[3] / "examples" / "rrdnsd.json"
GRACE = 8.0
"""Seconds: what it waits for in these tests would take half a minute at least."""
BOTH = {"127.0.0.2", "127.0.0.3"}


@pytest.fixture
def silent():
    made = Silent()
    yield made
    made.close()


@pytest.fixture
def black_hole():
    made = []

    def open_one(host, port=0):
        made.append(BlackHole(host, port))
        return made[-1]

    yield open_one
    for hole in made:
        hole.close()


def ends_in_time(node, number=signal.SIGTERM):
    began = time.monotonic()
    assert node.stop(number) == 0, node.log
    assert time.monotonic() - began < GRACE, node.log
    assert "[main] stopping; the records stay as they are" in node.log
    assert "Traceback" not in node.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_gracefully_and_the_records_stay(number, dns_server, daemon, watch, endpoints):
    server = dns_server("named")
    node = daemon(watch("rfc2136", server))
    until(lambda: server.addresses(NAME) == BOTH, "published")
    endpoints.stop("127.0.0.3")
    until(lambda: server.addresses(NAME) == {"127.0.0.2"}, "one is out")
    serial = server.serial(ZONE)
    ends_in_time(node, number)
    assert (server.addresses(NAME), server.serial(ZONE)) == ({"127.0.0.2"}, serial)


@pytest.mark.parametrize("method", ["rfc2136", "nsupdate", "knsupdate"])
def test_it_ends_in_time_while_a_dns_server_hangs(method, silent, daemon, watch):
    node = daemon(watch(method, silent, update_timeout_ms=60_000))
    until(lambda: silent.accepted, "the silent server is asked")
    ends_in_time(node)
    until(lambda: silent.closed == silent.accepted, "nobody goes on talking to the server")


def test_it_ends_in_time_while_an_update_hangs(dns_server, daemon, watch, endpoints):
    server = dns_server("named")
    node = daemon(watch("nsupdate", server, update_timeout_ms=60_000, reconcile_interval_ms=60_000))
    until(lambda: server.addresses(NAME) == BOTH, "published")
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        endpoints.stop("127.0.0.3")
        node.logged("up -> down")
        ends_in_time(node)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert server.addresses(NAME) == BOTH


def test_it_ends_in_time_with_many_probes_in_flight(black_hole, daemon):
    hole = black_hole("127.77.0.1")
    others = [black_hole(f"127.77.0.{number}", hole.port) for number in range(2, 41)]
    fillers = sum(one.in_flight() for one in others[:1])
    service = {
        "fqdn": NAME,
        "zone": ZONE,
        "healthcheck": f"http://{{}}:{hole.port}/",
        "ipaddrs": [f"127.77.0.{number}" for number in range(1, 41)],
    }
    node = daemon(
        {
            "builtin": {"listen": [f"127.0.0.1:{free_port()}"]},
            "probe_interval_ms": 30_000,
            "probe_timeout_ms": 30_000,
            "services": [service],
        }
    )
    until(
        lambda: hole.in_flight() >= fillers + 10,
        lambda: f"ten probes in flight, not {hole.in_flight() - fillers}",
    )
    ends_in_time(node)
    until(lambda: hole.in_flight() <= fillers, "no probe is left")


def test_a_taken_port_is_one_sentence_and_exit_code_1(dns_server, daemon, watch):
    server = dns_server("named")
    first = daemon(watch("rfc2136", server))
    first.logged("[updater] started")
    done = subprocess.run(
        [sys.executable, "-m", "rrdnsd", "run"],
        env=first.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "INFO" not in line]
    assert (done.returncode, done.stdout) == (1, "")
    sentence = (
        f"rrdnsd: cannot listen on local_node {first.node}: Address already in use; "
        "is another rrdnsd running, and is the address one of this machine?"
    )
    assert said == [sentence]
    assert first.health()["status"] == "ok"


def test_a_configuration_with_mistakes_is_told_and_exit_code_2(daemon, watch, silent):
    config = watch("rfc2136", silent, probe_interval_ms=0)
    config["services"][0]["ttl"] = -1
    node = daemon(config)
    assert node.process.wait(60) == 2
    assert len(node.log.splitlines()) == 2
    assert all(line.startswith(f"{node.path}: ") for line in node.log.splitlines())


def test_health_tells_how_the_daemon_is_doing(dns_server, daemon, watch, endpoints):
    server = dns_server("named")
    endpoints.stop("127.0.0.3")
    node = daemon(watch("rfc2136", server))
    until(lambda: server.addresses(NAME) == {"127.0.0.2"}, "published")
    until(lambda: node.kept(ZONE)[0]["noops"] >= 2, "two looks without a change")
    health = node.health()
    (dns,) = health.pop("dns")
    assert dns.pop("reads") >= 3
    assert dns.pop("noops") >= 2
    assert dns == {
        "server": f"default 127.0.0.1:{server.port}", "zone": ZONE, "writes": 1, "messages": 1, "error": "",
    }  # fmt: skip
    assert 0 < health.pop("uptime_s") < 600
    assert 0 <= health.pop("load_factor") < 1
    assert 0 <= health.pop("start_lag_ms") < 60_000
    health.pop("overruns")
    expected = {
        "status": "ok", "reasons": [], "node": node.node, "version": __version__,
        "services": 1, "endpoints": {"down": 1, "up": 2},
    }  # fmt: skip
    assert {name: health[name] for name in expected} == expected


def test_a_whole_service_that_goes_down_is_a_warning_and_all_stay_published(
    dns_server, daemon, watch, endpoints
):
    server = dns_server("named")
    node = daemon(watch("rfc2136", server))
    until(lambda: server.addresses(NAME) == BOTH, "published")
    endpoints.close()
    line = f" WARNING [main] service {NAME} is down: 0 of 3 endpoints are up"
    node.logged(line)
    node.looks(ZONE, 3)
    assert server.addresses(NAME) == BOTH
    assert server.addresses(NAME, "AAAA") == {"::1"}
    assert (
        f" WARNING [publish] {NAME}: 3 of 3 endpoints are down, more than 50%: all stay published" in node.log
    )
    endpoints.start("127.0.0.3")
    node.logged(f" INFO    [main] service {NAME} is up: 1 of 3 endpoints are up")


def test_without_fail_open_the_last_record_still_stays(dns_server, daemon, watch, endpoints):
    server = dns_server("named")
    node = daemon(watch("rfc2136", server, enable_fail_open=False))
    until(lambda: server.addresses(NAME) == BOTH, "published")
    endpoints.stop("127.0.0.2")
    until(lambda: server.addresses(NAME) == {"127.0.0.3"}, "one is out")
    endpoints.stop("127.0.0.3")
    node.logged("up -> down", times=2)
    until(lambda: server.addresses(NAME) == BOTH, "both are back, as neither is better")
    node.looks(ZONE, 3)
    assert server.addresses(NAME) == BOTH
    endpoints.start("127.0.0.2")
    until(lambda: server.addresses(NAME) == {"127.0.0.2"}, "only the healthy one")


def test_nothing_is_written_before_every_endpoint_has_a_first_verdict(
    dns_server, daemon, watch, endpoints, black_hole
):
    server = dns_server("named", f"{NAME}. 5 IN A 127.0.0.4", f"{NAME}. 5 IN A 127.0.0.2")
    serial = server.serial(ZONE)
    black_hole("127.0.0.4", endpoints.port)
    config = watch(
        "rfc2136", server, probe_interval_ms=4000, probe_timeout_ms=4000,
        service={"ipaddrs": ["127.0.0.2", "127.0.0.3", "127.0.0.4"]},
    )  # fmt: skip
    node = daemon(config)
    until(lambda: (node.health() or {}).get("endpoints") == {"up": 2, "unknown": 1}, "two first verdicts")
    node.looks(ZONE, 0)
    assert server.serial(ZONE) == serial
    until(lambda: server.serial(ZONE) != serial, "the first write")
    node.logged(f"127.0.0.4 of {NAME}: unknown -> down")
    until(lambda: server.addresses(NAME) == BOTH, "published")


def test_the_example_of_the_readme_works_unchanged(tmp_path, daemon):
    endpoints = Endpoints("127.0.0.2", "127.0.0.3")
    folder = tmp_path / "named"
    folder.mkdir()
    server = start_named(folder, Setup(zones={"rrdnsd.test": zone("rrdnsd.test")}, open_to_all=True))
    port = free_port()
    text = README_EXAMPLE.read_text()
    for old, new in (("8778", endpoints.port), ("5454", server.port), ("3333", port)):
        assert old in text
        text = text.replace(old, str(new))
    node = Daemon(tmp_path, json.loads(text), env={"LOCAL_NODE": f"127.0.0.1:{port}"})
    node.path.write_text(text)
    try:
        node.start()
        until(lambda: server.addresses("rrdnsd.test") == BOTH, lambda: f"published:\n{node.log}")
        assert server.ttl("rrdnsd.test") == 5
        endpoints.stop("127.0.0.2")
        until(lambda: server.addresses("rrdnsd.test") == {"127.0.0.3"}, "one is out")
        endpoints.start("127.0.0.2")
        until(lambda: server.addresses("rrdnsd.test") == BOTH, "it is back")
        lines = [line.partition("INFO    ")[2] for line in node.log.splitlines()]
        readme = [
            f"[main] config overridden by envvar CONF: {node.path}",
            f"[load_conf] reading {node.path}",
            f"[main] config overridden by envvar LOCAL_NODE: 127.0.0.1:{port}",
            "[updater] started",
        ]
        assert [line for line in lines if line in readme] == readme
        ends_in_time(node)
    finally:
        node.stop()
        server.stop()
        endpoints.close()


class Counting(ThreadingHTTPServer):
    """An endpoint that notes when it is asked."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address, port):
        super().__init__((address, port), CountingHandler)
        self.asked = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


class CountingHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(time.monotonic())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def counting():
    port = free_port()
    made = [Counting(f"127.0.3.{number}", port) for number in range(1, 21)]
    yield made
    for server in made:
        server.shutdown()
        server.server_close()


def test_after_a_pause_there_is_neither_a_storm_nor_a_wrong_write(counting, dns_server, daemon, watch):
    server = dns_server("named")
    addresses = {one.server_address[0] for one in counting}
    config = watch(
        "rfc2136", server, fall=1, rise=1,
        service={"ipaddrs": sorted(addresses), "healthcheck": f"http://{{}}:{counting[0].server_address[1]}/"},
    )  # fmt: skip
    node = daemon(config)
    until(lambda: server.addresses(NAME) == addresses, "published")
    node.looks(ZONE, 3)
    serial = server.serial(ZONE)
    node.process.send_signal(signal.SIGSTOP)
    time.sleep(6)  # the pause itself
    resumed = time.monotonic()
    node.process.send_signal(signal.SIGCONT)

    def since():
        return [moment for one in counting for moment in one.asked if moment >= resumed]

    until(lambda: len(since()) >= 20, "it probes again")
    node.looks(ZONE, 5)
    # 10 a second are due; 60 were missed
    assert sum(moment < resumed + 1 for moment in since()) <= 40
    assert "-> down" not in node.log
    assert server.serial(ZONE) == serial
    assert server.addresses(NAME) == addresses


def test_health_is_still_answered_while_a_client_dawdles(dns_server, daemon, watch):
    node = daemon(watch("rfc2136", dns_server("named")))
    node.logged("[updater] started")
    host, _, port = node.node.rpartition(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert node.health()["node"] == node.node
        ends_in_time(node)


def test_without_the_api_it_works_and_does_not_listen(dns_server, daemon, watch):
    server = dns_server("named")
    node = daemon(watch("rfc2136", server, api={"enabled": False}))
    until(lambda: server.addresses(NAME) == BOTH, "published")
    assert node.health() is None
    ends_in_time(node)
