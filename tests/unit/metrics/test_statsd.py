"""StatsD without a server: what is put into datagrams, and that nobody waits for the sender."""

import re
import socket
import threading
import time
from contextlib import suppress

import pytest

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.metrics import names, statsd
from rrdnsd.metrics.statsd import Batch, Flow, Sender, Totals, address_of

KEY = EndpointKey("www.example.test", "192.0.2.1")


@pytest.fixture
def server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(60)
        yield sock


def results(count, seconds=0.0125):
    return [(KEY, ProbeResult(True, "", Timings(seconds)))] * count


def flow(*totals):
    return Flow(iter(totals).__next__)


def sent_lines(server, sender):
    """Every line that was sent, once the sender has ended."""
    sender.close(20)
    server.setblocking(False)
    lines = []
    with suppress(BlockingIOError):
        while True:
            data = server.recv(65536)
            assert len(data) <= statsd.MOST_BYTES
            lines += data.decode().split("\n")
    return lines


def sending(server, prefix="rrdnsd", **more):
    return Sender("127.0.0.1", server.getsockname()[1], prefix, **more)


def test_a_second_is_a_difference():
    gathered = flow(Totals(10, 8, 1, 3, 1, 0.5, 0.2), Totals(25, 20, 2, 3, 1, 0.512, 0.25))
    gathered.note(results(2))
    first, second = gathered.batch(), gathered.batch()
    assert dict(first.counts)["fetch.cnt"] == 10
    assert dict(second.counts) == {
        "fetch.cnt": 15,
        "probe.success.cnt": 12,
        "probe.failure.cnt": 1,
        "received_update.cnt": 0,
        "status_change.cnt": 0,
    }
    assert dict(second.timers)["probe.duration"] == pytest.approx(12)
    assert second.gauges == (("probe.load_factor", 0.25),)
    assert (len(first.times), len(second.times)) == (2, 0)


def test_every_name_is_sent_with_its_type(server):
    sender = sending(server)
    sender.offer(
        Batch(
            counts=[(stat.name, 1) for stat in names.stats() if stat.kind == "counter"],
            timers=[("probe.duration", 12.0)],
            gauges=[("probe.load_factor", 0.0)],
            times=[0.0125],
        )
    )
    lines = sent_lines(server, sender)
    kinds = {"c": "counter", "ms": "timer", "g": "gauge"}
    sent = {
        name: kinds[kind]
        for line in lines
        for name, kind in re.findall(r"rrdnsd\.([^:]+):[^|]+\|(\w+)", line)
    }
    assert sent == {stat.name: stat.kind for stat in names.stats()}
    assert "rrdnsd.probe_time_msec:12.500000|ms" in lines


def test_an_empty_prefix_gives_bare_names(server):
    sender = sending(server, prefix="")
    sender.offer(Batch([("fetch.cnt", 3)], [], [], []))
    assert server.recv(2000) == b"fetch.cnt:3|c"
    sender.close()


def test_of_many_durations_about_a_hundred_are_sent_with_their_rate(server):
    sender = sending(server)
    sender.offer(Batch([], [], [], [0.001] * 5000))
    lines = sent_lines(server, sender)
    assert set(lines) == {"rrdnsd.probe_time_msec:1.000000|ms|@0.02"}
    assert 40 < len(lines) < 200


def test_durations_are_bounded():
    gathered = flow(Totals())
    for _ in range(100):
        gathered.note(results(1000))
    assert len(gathered.batch().times) == statsd.MOST_KEPT


def test_a_resolver_that_hangs_holds_nobody_up():
    let_go = threading.Event()

    def hanging(_host, _port):
        let_go.wait(30)
        raise OSError("nobody answers")

    sender = Sender("statsd.example.test", 8125, "rrdnsd", hanging)
    began = time.perf_counter()
    for _ in range(1000):
        sender.offer(Batch([("fetch.cnt", 1)], [], [], []))
    assert time.perf_counter() - began < 20
    assert sender.lost >= 998
    began = time.perf_counter()
    sender.close(0.2)
    assert time.perf_counter() - began < 20
    let_go.set()
    sender.close(20)


def test_a_host_that_is_found_later_is_told_from_then_on(server, caplog, monkeypatch):
    monkeypatch.setattr(statsd, "_FIRST_WAIT", 0.05)
    monkeypatch.setattr(statsd, "_LONGEST_WAIT", 0.05)
    asked = []

    def late(host, _port):
        asked.append(host)
        if len(asked) < 4:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return "127.0.0.1", False

    caplog.set_level("INFO")
    sender = Sender("statsd.example.test", server.getsockname()[1], "rrdnsd", late)
    server.settimeout(0.05)
    heard = b""
    deadline = time.monotonic() + 60
    while not heard and time.monotonic() < deadline:
        sender.offer(Batch([("fetch.cnt", 1)], [], [], []))
        try:
            heard = server.recv(2000)
        except TimeoutError:
            continue
    sender.close()
    assert heard == b"rrdnsd.fetch.cnt:1|c"
    assert asked == ["statsd.example.test"] * 4
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "[statsd] statsd.example.test cannot be found: Name or service not known; it is tried again and again",
        "[statsd] statsd.example.test is found again, at 127.0.0.1",
    ]


def test_between_two_tries_there_is_a_pause(monkeypatch):
    monkeypatch.setattr(statsd, "_FIRST_WAIT", 60.0)
    asked = []

    def never(host, _port):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    sender = Sender("statsd.example.test", 8125, "rrdnsd", never)
    deadline = time.monotonic() + 60
    while sender.lost < 20 and time.monotonic() < deadline:
        sender.offer(Batch([("fetch.cnt", 1)], [], [], []))
        time.sleep(0.005)
    sender.close()
    assert len(asked) == 1


def test_a_name_with_both_kinds_of_addresses_is_asked_by_ipv4(monkeypatch):
    found = [
        (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", 8125, 0, 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", 8125)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    assert address_of("localhost", 8125) == ("127.0.0.1", False)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found[:1])
    assert address_of("localhost", 8125) == ("::1", True)
