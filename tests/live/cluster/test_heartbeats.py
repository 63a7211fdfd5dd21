"""An endpoint that calls one node of three: all of them hear of it, and a quorum misses it when it stops."""

import re
import signal
import threading
import time
import urllib.request
from contextlib import contextmanager

from support.cluster import agree, config, names
from support.daemon import until
from support.names import NAME
from support.operating import API, endpoint
from support.ports import free_port

PUSH = "Yp3kq7Zr5vXw2nTb"
CALLER = "127.0.0.9"


def call(node, query=""):
    request = urllib.request.Request(
        f"http://{node.node}/heartbeat/{NAME}/{CALLER}{query}",
        method="POST",
        headers={"Authorization": f"Bearer {PUSH}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- it is the daemon's own address
        return answer.status


@contextmanager
def calling(node):
    """An endpoint that calls this node every 0.2 s."""
    enough = threading.Event()

    def run():
        while not enough.wait(0.2):
            call(node)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def three_pushed(start, within):
    every = names()
    service = {
        "healthcheck": "heartbeat://{}",
        "heartbeat_secret": PUSH,
        "heartbeat_within_ms": within,
        "ipaddrs": [CALLER],
    }
    return [
        start(
            config(
                every,
                number,
                None,
                service=service,
                builtin={"listen": [f"127.0.0.1:{free_port()}"]},
                api=API,
            )
        )
        for number in range(3)
    ]


def votes(node):
    """What each node holds of the endpoint, as this one knows."""
    found = endpoint(node, NAME, CALLER)
    return {vote["node"]: vote["state"] for vote in found["votes"]} if found else {}


def test_who_calls_one_node_is_known_to_all_and_missed_by_all(start):
    nodes = first, second, third = three_pushed(start, within=6000)
    agree(*nodes)
    with calling(first):
        for node in nodes:
            until(lambda node=node: set(votes(node).values()) == {"up"}, lambda: first.log)
        # For longer than a single call is worth: each further one has reached everybody in time.
        began = time.monotonic()
        while time.monotonic() < began + 8:
            assert endpoint(third, NAME, CALLER)["state"] == "up"
    for node in nodes:
        node.logged(f"{CALLER} of {NAME}: up -> down")
        assert len(node.lines("up -> down")) == 1
        until(lambda node=node: set(votes(node).values()) == {"down"}, lambda: first.log)
    assert re.search(r"its last call was \d+ s ago, at most 6 s are allowed", second.log)


def test_what_an_endpoint_says_of_itself_is_known_everywhere_at_once(start):
    nodes = first, second, third = three_pushed(start, within=600_000)
    agree(*nodes)
    call(second)
    for node in nodes:
        node.logged(f"{CALLER} of {NAME}: unknown -> up")
    call(third, "?status=down&text=disk%20full")
    for node in nodes:
        node.logged(f"{CALLER} of {NAME}: up -> down")
    assert "disk full" in first.log
    call(second)  # the later of two calls counts, wherever they came in
    for node in nodes:
        node.logged(f"{CALLER} of {NAME}: down -> up")


def test_a_node_that_was_away_hears_of_the_next_call(start):
    nodes = first, second, third = three_pushed(start, within=600_000)
    agree(*nodes)
    call(first)
    for node in nodes:
        node.logged(f"{CALLER} of {NAME}: unknown -> up")
    third.stop(signal.SIGKILL)
    call(first, "?status=down&text=disk%20full")
    second.logged(f"{CALLER} of {NAME}: up -> down")
    before = len(third.log)
    third.start()
    agree(*nodes)
    until(lambda: votes(third).get(third.node) == "down", lambda: third.log[before:])
