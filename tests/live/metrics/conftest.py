import re
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support import cluster
from support.daemon import until
from support.endpoints_http import endpoints_at
from support.ports import free_port
from support.process import start as start_process

endpoints = endpoints_at(*cluster.ENDPOINTS)


@pytest.fixture
def start(tmp_path):
    with cluster.starting(tmp_path) as start:
        yield start


class Scrape:
    """What a node says at /metrics."""

    def __init__(self, node):
        with urllib.request.urlopen(f"http://{node.node}/metrics", timeout=60) as answer:
            self.text = answer.read().decode()
        self.families = {family.name: family for family in text_string_to_metric_families(self.text)}

    def values(self, name, **labels):
        """The values of one metric whose labels are these, others aside."""
        family = self.families[re.sub(r"_(total|bucket|count|sum)$", "", name)]
        found = [sample for sample in family.samples if sample.name == name]
        return [s.value for s in found if labels.items() <= s.labels.items()]

    def total(self, name, **labels):
        return sum(self.values(name, **labels))


@pytest.fixture
def scrape():
    return Scrape


@pytest.fixture
def undisturbed():
    """Wait for seconds in which no probe and no step of a node came late; in some, this machine itself is late."""

    def wait(node, seconds=3.0):
        def look():
            before = Scrape(node)
            time.sleep(seconds)
            return _in_time(before, Scrape(node))

        until(look, lambda: f"{seconds:g} s in which nothing came late:\n{Scrape(node).text}")

    return wait


def _in_time(before, after):
    def grown(name, **labels):
        return after.total(name, **labels) - before.total(name, **labels)

    started, steps = grown("rrdnsd_probes_started_total"), grown("rrdnsd_event_loop_lag_seconds_count")
    in_time = grown("rrdnsd_event_loop_lag_seconds_bucket", le="0.1")
    late = grown("rrdnsd_probes_missed_total") + grown("rrdnsd_probe_overruns_total")
    return started > 0 and steps > 0 and in_time >= 0.9 * steps and late == 0


class Statsd:
    """A real StatsD server; `counter` and the others ask its administration port. It keeps counting for an hour."""

    def __init__(self, modules, folder):
        self.port, self._admin = free_port("127.0.0.1"), free_port("127.0.0.1")
        config = folder / "statsd.js"
        config.write_text(
            f'{{port: {self.port}, address: "127.0.0.1", mgmt_port: {self._admin}, mgmt_address: "127.0.0.1",'
            ' flushInterval: 3600000, backends: ["./backends/console"]}'
        )
        command = ["node", modules / "statsd" / "stats.js", config]
        self.process = start_process(command, folder / "statsd.log", self._answers)

    def _answers(self):
        try:
            return "uptime" in self.ask("stats")
        except OSError:
            return False

    def ask(self, command):
        with socket.create_connection(("127.0.0.1", self._admin), timeout=60) as sock:
            sock.sendall(f"{command}\n".encode())
            said = b""
            while not said.rstrip().endswith(b"END"):
                data = sock.recv(65536)
                if not data:
                    break
                said += data
        return said.decode()

    def _number(self, kind, name):
        found = re.search(rf"'{re.escape(name)}': ([0-9.e-]+)", self.ask(kind))
        return float(found[1]) if found else None

    def counter(self, name):
        return self._number("counters", name)

    def gauge(self, name):
        return self._number("gauges", name)

    def timer(self, name):
        """The first of the values, in milliseconds."""
        found = re.search(rf"'{re.escape(name)}': \[\s*([0-9.e-]+)", self.ask("timers"))
        return float(found[1]) if found else None

    @property
    def bad_lines(self):
        return self.counter("statsd.bad_lines_seen")


@pytest.fixture(scope="session")
def statsd_modules(tmp_path_factory):
    """The StatsD server of npm, installed for this run."""
    folder = tmp_path_factory.mktemp("npm")
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.fail("node and npm are needed to install the real StatsD server: install nodejs and npm")
    command = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--omit=optional",
        "statsd@0.9.0",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    if done.returncode:
        pytest.fail(f"npm could not install statsd: is its registry reachable?\n{done.stderr[-2000:]}")
    return folder / "node_modules"


@pytest.fixture
def statsd(statsd_modules, tmp_path):
    made = Statsd(statsd_modules, tmp_path)
    yield made
    made.process.stop()
