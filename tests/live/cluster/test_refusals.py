"""What a node refuses: counted in /health, logged once a minute for each cause, and nothing else happens."""

import contextlib
import socket
import threading
import time
from http.client import HTTPConnection

import pytest

from rrdnsd.peers import wire
from support.cluster import SECRET, Impostor, config, names
from support.daemon import until


@pytest.fixture
def nodes():
    return names()


@pytest.fixture
def node(start, nodes, endpoints, server, key):
    made = start(config(nodes, 0, endpoints, server, key))
    until(made.health, "it answers")
    return made


@pytest.fixture
def peer(node, nodes):
    return Impostor(nodes[1], node.node, nodes, clock=time.monotonic)


def refused(node, cause, times, *sentences):
    until(lambda: node.cluster["refused"].get(cause) == times, lambda: f"{cause}: {node.cluster['refused']}")
    node.logged(sentences[0])
    (line,) = node.lines(sentences[0])
    for sentence in ("[quorum] refused a message from 127.0.0.1: ", *sentences):
        assert sentence in line


def works(node, peer):
    """The node still takes messages of those who have the key, and nothing went wrong inside."""
    assert peer.say() in {200, 409}
    assert peer.say() == 200
    until(lambda: peer.outbox._session and node.cluster["peers"][0]["heard_s"] is not None, "it is heard")
    assert "Traceback" not in node.log
    assert SECRET not in node.log


def test_a_wrong_key(node, nodes, peer):
    stranger = Impostor(nodes[1], node.node, nodes, "another secret of the tests")
    assert [stranger.say() for _ in range(3)] == [401] * 3
    refused(node, "wrong key", 3, "its signature is not made with this cluster_secret")
    assert peer.post(b"{}", "")[0] == 401
    works(node, peer)


def test_an_unknown_node_and_one_that_means_somebody_else(node, nodes, peer):
    unknown = Impostor("127.0.0.9:3333", node.node, nodes)
    assert [unknown.say() for _ in range(3)] == [403] * 3
    refused(node, "unknown node", 3, "its sender '127.0.0.9:3333' is not among the nodes configured here")
    astray = Impostor(nodes[1], nodes[2], nodes).outbox.build()
    assert peer.post(astray.body, astray.mac)[0] == 403
    refused(node, "wrong receiver", 1, f"{nodes[1]} sent it to '{nodes[2]}', which is not this node")
    works(node, peer)


def test_replays(node, peer):
    peer.words.abstains = "recorded"
    assert [peer.say() for _ in range(5)] == [409, 200, 200, 200, 200]
    heard = node.cluster["peers"][0]["heard_s"]
    answers = [peer.post(old.body, old.mac) for old in peer.recorded]
    assert [status for status, _, _ in answers] == [409] * 5
    assert all(not wire.parse_reply(body).accepted for _, body, _ in answers)
    # The first one was made before there was a session: it is no replay, and gets nothing but the offer of one.
    refused(node, "replay", 4, "it repeats or comes after a later one of 127.0.0.2")
    time.sleep(0.05)
    assert node.cluster["peers"][0]["heard_s"] >= heard
    peer.words.abstains = ""
    works(node, peer)
    until(lambda: node.cluster["peers"][0]["abstains"] == "", "the present counts")


def test_replays_after_a_restart(node, peer):
    assert [peer.say() for _ in range(3)] == [409, 200, 200]
    node.stop()
    node.start()
    until(node.health, "it answers")
    assert [peer.post(old.body, old.mac)[0] for old in peer.recorded] == [409] * 3
    assert node.cluster["peers"][0]["heard_s"] is None
    works(node, peer)


MALFORMED = [
    b"",
    b"{",
    b"[]",
    b"\xff" * 100,
    b'{"v":1}',
    b'{"a":' * 50_000,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00" * 1000,
]


def test_malformed_bodies(node, peer):
    answers = [peer.post(body, wire.request_mac(SECRET.encode(), body))[0] for body in MALFORMED]
    assert answers == [400] * len(MALFORMED)
    refused(node, "malformed", len(MALFORMED), "refused a message", "(1 so far for this cause)")
    works(node, peer)


def test_oversized_bodies(node, peer):
    body = b" " * (wire.MAX_BODY + 1)
    for _ in range(3):
        assert send_raw(node, body, len(body)).startswith(b"HTTP/1.1 413")
    refused(node, "oversized", 3, f"it is larger than {wire.MAX_BODY} bytes")
    works(node, peer)


def test_what_does_not_come(node, peer):
    """Slow bodies and silent connections are given up while the node goes on; what ends too early is no crash."""
    with connection(node) as silent:
        answers = []
        slow = [threading.Thread(target=lambda: answers.append(drip(node))) for _ in range(20)]
        for thread in slow:
            thread.start()
        for _ in range(3):
            with connection(node) as sock:
                sock.sendall(head(100) + b"{")
        works(node, peer)
        for thread in slow:
            thread.join(120)
        assert [answer[:12] for answer in answers] == [b"HTTP/1.1 408"] * 20
        refused(node, "slow", 20, "its body did not arrive within 5 s")
        refused(node, "cut off", 3, "the connection ended before its body did")
        silent.settimeout(60)
        assert silent.recv(1) == b""
    works(node, peer)


def test_what_is_no_message_at_all(node, peer):
    http = HTTPConnection(node.node, timeout=60)
    for method in ("GET", "PUT", "DELETE"):
        http.request(method, wire.PATH)
        answer = http.getresponse()
        assert (answer.status, len(answer.read()) < 200) == (405, True)
    http.close()
    with connection(node) as sock:
        sock.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400")
    works(node, peer)


def connection(node):
    host, port = node.node.split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def head(length):
    return f"POST {wire.PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


def send_raw(node, body, length):
    with connection(node) as sock:
        sock.sendall(head(length))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(body)
        return sock.recv(100)


def drip(node):
    """A byte every now and then, until there is an answer."""
    with connection(node) as sock:
        sock.sendall(head(1000))
        sock.settimeout(0.5)
        for _ in range(60):
            try:
                return sock.recv(100)
            except TimeoutError:
                sock.sendall(b" ")
    return b""
