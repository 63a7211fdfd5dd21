"""Runs the real daemon from a configuration, as a process of its own, and waits for what it does."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

from support.ports import free_port

DEADLINE = 60.0
"""Seconds. What takes two on a quiet machine may take twenty times as long beside other tests."""

PROBING = {"probe_interval_ms": 2000, "fast_interval_ms": 100}
"""Often enough for a test, and with the time for an answer (it is the interval) that a busy machine may need."""

NO_ANSWER = (OSError, http.client.HTTPException)
"""What it comes to for a client when a daemon is not there, or goes away while it answers; a refusal as well."""


def until(condition, what, deadline=DEADLINE):
    """Wait for a condition to be true and return its value; fail with `what` after the deadline.

    The longer it lasts the less often it looks, for looking is what most of the machine's time would go into.
    """
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > deadline:
            raise AssertionError(f"not within {deadline:g} s: {what() if callable(what) else what}")
        time.sleep(min(max(0.02, waited / 20), 0.1))


class Daemon:
    """One node. `config` gets a free `local_node` unless it has one."""

    def __init__(self, folder, config, env=None, args=()):
        self.folder = folder
        node = config.get("local_node") or f"127.0.0.1:{free_port()}"
        self.config = {"conf_version": 1, "local_node": node, "nodes": [node], **config}
        self.node = node
        self.path = folder / f"rrdnsd-{node.replace(':', '-')}.json"
        self.log_path = self.path.with_suffix(".log")
        self.env = {**os.environ, **(env or {}), "CONF": str(self.path)}
        self.args = args or ("--log-format", "text")
        self.process = None
        self.write()

    def write(self):
        self.path.write_text(json.dumps(self.config, indent=2))

    def start(self):
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rrdnsd", "run", *self.args], env=self.env, stdout=log, stderr=log
            )
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        self.process = None
        return code

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def health(self):
        try:
            with urllib.request.urlopen(f"http://{self.node}/health", timeout=20) as answer:
                return json.load(answer)
        except NO_ANSWER:
            return None

    def logged(self, text, times=1):
        """Wait until a log line holds the text."""
        return until(lambda: self.log.count(text) >= times, lambda: f"{text!r} in the log:\n{self.log}")

    def kept(self, zone):
        """What `/health` tells of a zone, one entry for each server."""
        report = self.health() or {"dns": []}
        return [entry for entry in report["dns"] if entry["zone"] == zone]

    def looks(self, zone, more):
        """Wait until every server of a zone was read so many times more."""
        before = until(
            lambda: {entry["server"]: entry["reads"] for entry in self.kept(zone)}, f"a look at {zone}"
        )

        def now():
            found = {entry["server"]: entry["reads"] for entry in self.kept(zone)}
            return found and all(found[server] >= reads + more for server, reads in before.items())

        until(now, f"{more} more looks at {zone}")
