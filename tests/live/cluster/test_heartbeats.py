"""An endpoint that calls one node of three: all of them hear of it, and a quorum misses it when it stops."""

import json
import threading
import urllib.request
from contextlib import contextmanager

from support.cluster import agree, config, names
from support.daemon import until
from support.names import NAME
from support.ports import free_port

PUSH = "Yp3kq7Zr5vXw2nTb"
CALLER = "127.0.0.9"


def call(node, query=""):
    request = urllib.request.Request(
        f"http://{node.node}/heartbeat/{NAME}/{CALLER}{query}",
        method="POST",
        headers={"Authorization": f"Bearer {PUSH}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- it is the daemon's own address
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
            )
        )
        for number in range(3)
    ]


def opinion(node):
    """What this node itself holds of the endpoint, apart from the others."""
    with urllib.request.urlopen(f"http://{node.node}/api/v1/explain?service={NAME}&address={CALLER}", timeout=5) as got:
        return json.load(got)
