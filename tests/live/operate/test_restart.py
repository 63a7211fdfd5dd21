"""kill -9 and a start anew: what was known is shown, nothing is written before it is verified, and nothing is told twice."""

import contextlib
import signal
import socket
import sqlite3
import subprocess
import sys

import dns.query
import dns.tsigkeyring
import dns.update
import pytest

from support import cluster
from support.daemon import NO_ANSWER, until
from support.names import NAME, ZONE
from support.operating import TOKEN, order, ready, status
from support.receiver import Receiver

UP, GONE = ("127.0.0.2", "127.0.0.4"), "127.0.0.3"


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@contextlib.contextmanager
def silence(endpoints):
    """Let every endpoint take connections and answer nothing: no probe comes back before its time-out."""
    endpoints.gate.clear()
    try:
        with socket.create_server((GONE, endpoints.port), backlog=1000):
            yield
    finally:
        endpoints.gate.set()


def add_by_hand(server, key, address):
    ring = dns.tsigkeyring.from_text({key.name: key.secret})
    change = dns.update.UpdateMessage(ZONE, keyring=ring, keyalgorithm=key.algorithm)
    change.add(f"{NAME}.", 5, "A", address)
    assert dns.query.tcp(change, server.host, port=server.port, timeout=20).rcode() == 0


def config(endpoints, server, key, folder, receiver, interval=2000):
    made = cluster.config(cluster.names(1), 0, endpoints, server, key, state_dir=str(folder))
    hook = {"type": "webhook", "url": receiver.url, "batch_ms": 100}
    times = {"probe_interval_ms": interval, "probe_timeout_ms": interval, "reconcile_interval_ms": 1000}
    return {**made, "notifiers": [hook], **times}


def told(receiver, folder):
    """Wait until people know that it is down, and the node has noted on disk that they do."""
    receiver.got(1, state="down")
    marks = folder / "notifiers" / "webhook" / "told.marks"
    until(lambda: marks.exists() and GONE in marks.read_text(), "what was told is noted")


def remembered(folder):
    """What is saved, by address, as `rrdnsd` will read it."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/rrdnsd.sqlite3?mode=ro", uri=True)) as file:
        return dict(file.execute("SELECT address, verdict FROM remembered"))


def test_what_was_known_is_shown_but_counts_as_unknown(start, endpoints, server, key, tmp_path, receiver):
    folder = tmp_path / "state"
    node = start(config(endpoints, server, key, folder, receiver))
    ready(node)
    order(node, "drain", service=NAME, address=UP[1], why="held from the first moment")
    endpoints.stop(GONE)
    cluster.serves(server, UP[0], nodes=(node,))
    told(receiver, folder)
    known = dict.fromkeys(UP, "up") | {GONE: "down"}
    until(lambda: remembered(folder) == known, lambda: f"{known}, not {remembered(folder)}")

    node.stop(signal.SIGKILL)
    node.config |= {"probe_interval_ms": 40_000, "probe_timeout_ms": 40_000}
    node.write()
    add_by_hand(server, key, GONE)  # would be taken out again if what is remembered counted
    serial, messages = server.serial(ZONE), len(receiver.taken)
    with silence(endpoints):
        node.start()
        shown = until(lambda: found_of(node), node_log(node))
        for address, verdict in known.items():
            assert shown[address]["verdict"] == "unknown"
            assert shown[address]["remembered"]["verdict"] == verdict
            assert all(vote["state"] == "unknown" for vote in shown[address]["votes"])
        assert f"{known[GONE]} before the restart" in shown[GONE]["reason"]
        assert shown[UP[1]]["state"] == "drained"
        assert "before the restart" in command(node, "status", "--service", NAME)
        assert found_of(node)[GONE]["verdict"] == "unknown"  # still so, all the while
        assert server.serial(ZONE) == serial
        assert server.addresses(NAME) == {UP[0], GONE}
    cluster.serves(server, UP[0], nodes=(node,))
    until(lambda: all(not e["remembered"] for e in status(node)["services"][0]["endpoints"]), "verified")
    node.logged("3 endpoints are as before the restart, 0 are not")
    written = server.serial(ZONE)
    node.looks(ZONE, 2)
    assert server.serial(ZONE) == written
    assert len(receiver.taken) == messages


def test_the_end_of_a_trouble_is_told_once_though_it_came_while_nobody_looked(
    start, endpoints, server, key, tmp_path, receiver
):
    node = start(config(endpoints, server, key, tmp_path / "state", receiver))
    ready(node)
    endpoints.stop(GONE)
    told(receiver, tmp_path / "state")
    until(lambda: remembered(tmp_path / "state").get(GONE) == "down", "it is remembered")
    node.stop(signal.SIGKILL)
    endpoints.start(GONE)
    node.start()
    (up,) = receiver.got(1, state="up")
    assert up["address"] == GONE
    cluster.serves(server, *cluster.ENDPOINTS, nodes=(node,))
    node.logged("2 endpoints are as before the restart, 1 are not")
    node.stop()
    node.start()
    node.logged("3 endpoints are as before the restart, 0 are not")
    node.looks(ZONE, 2)
    assert [(e["address"], e["state"]) for e in receiver.events()] == [(GONE, "down"), (GONE, "up")]


def test_probes_go_out_before_the_application_is_there(start, endpoints, server, key, tmp_path, receiver):
    """And whoever connects meanwhile waits for an answer, and is not refused."""
    made = config(endpoints, server, key, tmp_path / "state", receiver, interval=60_000)
    before = {address: endpoints.hits(address) for address in cluster.ENDPOINTS}
    node = start(made)
    host, port = node.node.split(":")
    until(lambda: _connects(host, int(port)), node_log(node))
    until(node.health, node_log(node))
    for address in cluster.ENDPOINTS:  # the interval is a minute
        until(lambda address=address: endpoints.hits(address) > before[address], f"a probe of {address}")
    cluster.serves(server, *cluster.ENDPOINTS, nodes=(node,))


def _connects(host, port):
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def found_of(node):
    """The endpoints by address, once the node answers."""
    try:
        found = status(node)["services"][0]["endpoints"]
    except NO_ANSWER:
        return None
    return {one["address"]: one for one in found}


def node_log(node):
    return lambda: node.log


def command(node, *words):
    line = [sys.executable, "-m", "rrdnsd", *words, "--url", f"http://{node.node}"]
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=60, env={**node.env, "RRDNSD_TOKEN": TOKEN}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
