"""A plug-in that does not behave ends in one sentence at the start, and harms nobody else while running."""

import json
import os
import subprocess
import sys

import pytest

from support.daemon import Daemon, until

GROUPS = {
    "probes": "the probe type mine://",
    "providers": 'update_method "mine"',
    "notifiers": 'the notifier "mine"',
}
SERVICE = {"fqdn": "www.e.test", "zone": "e.test", "healthcheck": "mine://{}:1", "ipaddrs": ["127.0.0.1"]}
BUGGY = """
import asyncio
from rrdnsd.core.model import Applied, ProbeResult, Timings, ZoneView

class Probe:
    def __init__(self, key):
        self.key, self.timeout = key, 1.0
    async def probe(self):
        if self.key.service == "bug.e.test":
            raise ValueError("in the probe")
        return ProbeResult(True, "", Timings(0.1))
    def close(self):
        raise ValueError("in close")

class Provider:
    label = "mine"
    written = 0
    async def start(self): pass
    async def fetch(self, zone, keys):
        if zone == "b.test":
            raise ValueError("in fetch")
        return ZoneView({})
    async def apply(self, plan):
        return Applied(frozenset(), frozenset(), {c.name: "not today" for c in plan.changes})
    async def close(self):
        raise ValueError("in close")

class Notifier:
    async def send(self, message):
        raise ValueError("in send")

def probe(spec, key): return Probe(key)
def provider(spec): return (Provider(),)
def notifier(spec): return Notifier()
"""


@pytest.fixture
def install(tmp_path):
    def make(code, **points):
        info = tmp_path / "mine-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
        text = "".join(f"[rrdnsd.{group}]\nmine = mine:{build}\n" for group, build in points.items())
        (info / "entry_points.txt").write_text(text)
        (tmp_path / "mine.py").write_text(code)
        return {"PYTHONPATH": str(tmp_path)}

    return make


@pytest.mark.parametrize("group", GROUPS)
def test_a_broken_plug_in_ends_the_start_in_one_sentence(tmp_path, install, group):
    env = install("import no_such_library\n", **{group: "build"})
    config = {
        "local_node": "127.0.0.1:3333",
        "nodes": ["127.0.0.1:3333"],
        "update_method": "mine" if group == "providers" else "builtin",
        "services": [SERVICE | ({} if group == "probes" else {"healthcheck": "tcp://{}:1"})],
        "notifiers": [{"type": "mine"}] if group == "notifiers" else [],
    }
    (tmp_path / "c.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "rrdnsd", "run", "c.json"],
        cwd=tmp_path,
        env={**os.environ, **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert f"{GROUPS[group]} (mine:build) cannot be loaded: ModuleNotFoundError" in line


def test_bugs_of_plug_ins_are_told_and_everything_else_goes_on(tmp_path, install):
    env = install(BUGGY, probes="probe", providers="provider", notifiers="notifier")
    services = [SERVICE, SERVICE | {"fqdn": "bug.e.test"}, SERVICE | {"fqdn": "www.b.test", "zone": "b.test"}]
    config = {
        "probe_interval_ms": 200,
        "reconcile_interval_ms": 200,
        "update_method": "mine",
        "services": services,
        "notifiers": [{"type": "mine", "batch_ms": 100}],
    }
    node = Daemon(tmp_path, config, env).start()
    try:
        node.logged("bug while probing 127.0.0.1 of bug.e.test")
        node.logged(
            "127.0.0.1 of bug.e.test: unknown -> down (down: bug in the probe type Probe: ValueError: in the probe"
        )
        node.logged("bug while keeping zone b.test on mine", 2)
        node.logged("not today")
        node.logged("[notify] mine: a bug: ValueError")
        node.logged("127.0.0.1 of www.e.test: unknown -> up")
        until(node.health, "an answer")
    finally:
        status = node.stop()
    assert status == 0
    assert "bug while closing mine" in node.log
