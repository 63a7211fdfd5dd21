"""Runs one node with very many endpoints on one core and asks it how it keeps its schedule."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import probers
from machine import free_port, process, wait_for

EACH = 5
FETCH = (
    "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=20).read().decode())"
)


@dataclass(frozen=True)
class Daemon:
    """A running node; `inside` begins the command that runs where it does."""

    pid: int
    node: str
    inside: Sequence[str]

    def get(self, path: str) -> str:
        command = [*self.inside, sys.executable, "-c", FETCH, f"http://{self.node}{path}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise OSError(done.stderr[-200:].strip())
        return done.stdout

    def decided(self, count: int) -> bool:
        """Whether every endpoint has a verdict."""
        try:
            counts = json.loads(self.get("/health"))["endpoints"]
        except OSError:
            return False
        return bool(sum(counts.values()) - counts.get("unknown", 0) == count)

    def counters(self) -> "Counters":
        text = self.get("/metrics")

        def value(name: str) -> float:
            found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
            return float(found[1]) if found else 0.0

        bounds = re.findall(r'^rrdnsd_probe_start_delay_seconds_bucket\{le="([0-9.]+)"\}', text, re.MULTILINE)
        return Counters(
            begun=value("rrdnsd_probe_start_delay_seconds_count"),
            late=value("rrdnsd_probe_overruns_total") + value("rrdnsd_probes_missed_total"),
            within={
                float(bound): value(f'rrdnsd_probe_start_delay_seconds_bucket{{le="{bound}"}}')
                for bound in bounds
            },
        )


@dataclass(frozen=True)
class Counters:
    """`begun` are the probes that began, `late` those that were skipped or missed; `within` says how many began within how many seconds."""

    begun: float
    late: float
    within: dict[float, float]

    def since(self, before: "Counters") -> "Counters":
        within = {bound: count - before.within[bound] for bound, count in self.within.items()}
        return Counters(self.begun - before.begun, self.late - before.late, within)

    def bound(self, share: float) -> float:
        """The least bound within which this share began."""
        return min(bound for bound, count in self.within.items() if count >= share * self.begun)


@contextmanager
def daemon(
    folder: Path,
    core: int,
    targets: list[str],
    port: int,
    interval: float,
    each: int = EACH,
    inside: Sequence[str] = (),
) -> Iterator[Daemon]:
    """Run a node with the built-in DNS server, a store and the sandbox, until the block ends."""
    node, home = f"127.0.0.1:{free_port()}", Path(tempfile.mkdtemp(dir=folder))
    config = {
        "conf_version": 1,
        "local_node": node,
        "nodes": [node],
        "state_dir": str(home / "state"),
        "probe_interval_ms": round(interval * 1000),
        "builtin": {"listen": [f"127.0.0.1:{free_port()}"]},
        "services": [
            {
                "fqdn": f"s{first}.example.test",
                "zone": "example.test",
                "healthcheck": f"http://{{}}:{port}/",
                "ipaddrs": targets[first : first + each],
                "ttl": 60,
            }
            for first in range(0, len(targets), each)
        ],
    }
    path = home / "rrdnsd.json"
    path.write_text(json.dumps(config))
    command = [*inside, probers.RUN[0], "run"]
    with process(command, core, home / "rrdnsd.log", {"CONF": str(path)}) as child:
        found = Daemon(child.pid, node, inside)
        wait_for("every endpoint's first verdict", lambda: found.decided(len(targets)), 120 + interval)
        yield found
