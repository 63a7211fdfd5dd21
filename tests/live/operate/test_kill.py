"""kill -9 in the midst of a thousand orders: what was acknowledged is there, and nothing is half there."""

import http.client
import itertools
import json
import math
import random
import signal
import sqlite3
import threading
import time
from datetime import UTC, datetime

import pytest

from support import cluster
from support.names import NAME, ZONE
from support.operating import TOKEN, ready, status

ORDERS = 1000
CALLERS = 8
SERVICES = [NAME, *(f"s{number}.{ZONE}" for number in range(1, 10))]
ADDRESS = "127.0.0.2"
FUTURE = time.time() + 10**7


def body(number):
    """Of ten orders nine change one entry, each to another value, and one changes ten entries at once."""
    common = {"request_id": f"r{number}", "why": "a test"}
    if number % 10 == 0:
        return ("drain" if number % 20 else "undrain"), {"address": ADDRESS, **common}
    until = datetime.fromtimestamp(int(FUTURE) + number, UTC).isoformat()
    return "maintenance", {"service": SERVICES[number % len(SERVICES)], "until": until, **common}


class Callers:
    """Give so many orders from several threads, or orders without end, until the daemon is gone."""

    def __init__(self, node, most=math.inf):
        self.node = node
        self._most = most
        self.acknowledged = {}
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def _call(self):
        connection = http.client.HTTPConnection(self.node.node, timeout=60)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        try:
            while (number := next(self._numbers)) < self._most:
                path, said = body(number)
                connection.request("POST", f"/api/v1/{path}", json.dumps(said), headers)
                answer = connection.getresponse()
                text = answer.read()
                assert answer.status == 200, text
                self.acknowledged[f"r{number}"] = json.loads(text)
        except (OSError, http.client.HTTPException):
            return  # it was killed
        finally:
            connection.close()

    def wait_for(self, count):
        ends = time.monotonic() + 60
        while len(self.acknowledged) < count and time.monotonic() < ends:
            time.sleep(0.001)
        assert len(self.acknowledged) >= count

    def join(self):
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()


def on_disk(folder):
    """The ledger by key, and the audit rows in their order, as the file has them."""
    with sqlite3.connect(folder / "rrdnsd.sqlite3") as connection:
        ledger = dict(connection.execute("SELECT key, value FROM ledger"))
        audit = connection.execute('SELECT request_id, "after" FROM audit ORDER BY id').fetchall()
    connection.close()
    return ledger, [(request, json.loads(after)) for request, after in audit]


@pytest.fixture
def node(start, endpoints, tmp_path):
    names = cluster.names(1)
    config = cluster.config(names, 0, endpoints, state_dir=str(tmp_path / "state"))
    config["builtin"] = {"listen": [f"127.0.0.1:{cluster.free_port()}"]}
    config["services"] = [{**config["services"][0], "fqdn": fqdn} for fqdn in SERVICES]
    made = start(config)
    ready(made)
    return made


@pytest.mark.parametrize("part", range(3))
def test_no_acknowledged_order_is_lost_and_none_is_half_applied(node, tmp_path, part):
    callers = Callers(node)
    callers.wait_for(random.randint(part * 250 + 1, part * 250 + 250))
    node.stop(signal.SIGKILL)
    callers.join()

    ledger, audit = on_disk(tmp_path / "state")
    recorded = [request for request, _ in audit]
    assert set(callers.acknowledged) <= set(recorded)
    assert len(recorded) == len(set(recorded))
    expected = {}
    for _, after in audit:
        expected |= {key: json.dumps(v) if v is None else v for key, v in after["orders"].items()}
    assert {key: "null" if value is None else json.loads(value) for key, value in ledger.items()} == expected

    node.start()
    ready(node)
    shown = {(o["kind"], o["service"]): o["until"] for o in status(node)["orders"]}
    wanted = {
        (key.split("|")[0], key.split("|")[1]): value.get("until")
        for key, value in expected.items()
        if value != "null"
    }
    assert shown == wanted
    assert "Traceback" not in node.log


def test_a_repeated_request_is_answered_as_before_and_changes_nothing_more(node, tmp_path):
    callers = Callers(node, ORDERS)
    callers.join()
    assert len(callers.acknowledged) == ORDERS
    before = on_disk(tmp_path / "state")
    connection = http.client.HTTPConnection(node.node, timeout=60)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    for number in random.sample(range(ORDERS), 20):
        path, said = body(number)
        connection.request("POST", f"/api/v1/{path}", json.dumps(said), headers)
        assert json.loads(connection.getresponse().read()) == callers.acknowledged[f"r{number}"]
    path, said = body(1)
    connection.request("POST", f"/api/v1/{path}", json.dumps({**said, "service": SERVICES[5]}), headers)
    answer = connection.getresponse()
    assert (answer.status, "was used for another order" in answer.read().decode()) == (409, True)
    connection.close()
    assert on_disk(tmp_path / "state") == before
