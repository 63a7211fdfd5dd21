"""Measures how long after exec the daemon's first probe arrives, and how long until each endpoint was probed once.

The endpoints are one listening socket on every address of 127.1.0.0/16: what counts is when the kernel hands over the
first connection, whatever becomes of the probe. The node has two peers that are away, a state_dir from the start before,
and the API.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from endpoints import addresses
from machine import cores, facts, free_port
from nodes import RRDNSD, ZONE
from report import machine_line, table, write_section

ENDPOINTS = 1000
ROUND_SECONDS = 30.0


@dataclass(frozen=True)
class Case:
    """So many services, of as many endpoints each as make 1,000."""

    scheme: str
    services: int

    @property
    def text(self) -> str:
        """As the table has it."""
        return f"{self.scheme}, {self.services:,} x {ENDPOINTS // self.services}"


CASES = (Case("http", 200), Case("http", 1000), Case("https", 200), Case("https", 1000))


@dataclass(frozen=True)
class Start:
    """Seconds from exec to the first probe, CPU seconds of the process by then, seconds to the last first probe."""

    first: float
    cpu: float
    all: float


def config(case: Case, port: int, state: Path) -> Mapping[str, object]:
    targets, each = addresses(ENDPOINTS), ENDPOINTS // case.services
    nodes = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    tls = {"verify_tls": False} if case.scheme == "https" else {}
    services = [
        {
            "fqdn": f"s{number}.{ZONE}",
            "zone": ZONE,
            "healthcheck": f"{case.scheme}://{{}}:{port}/",
            "ipaddrs": targets[each * number : each * (number + 1)],
            "ttl": 60,
            **tls,
        }
        for number in range(case.services)
    ]
    return {
        "local_node": nodes[0],
        "nodes": nodes,
        "cluster_secret": "only for this benchmark",
        "state_dir": str(state),
        "probe_interval_ms": 30_000,
        "update_method": "rfc2136",
        "update_credentials": "hmac-sha256:bench:b25seSBmb3IgdGhpcyBiZW5jaG1hcms=",
        "update_resolvers": [f"127.0.0.1:{free_port()}"],
        "services": services,
    }


def start(path: Path, listener: socket.socket, log: Path) -> Start:
    """Start the daemon, see all its first probes arrive, and kill it."""
    with log.open("wb") as output:
        began = time.monotonic()
        child = subprocess.Popen(
            [RRDNSD, "run"], stdout=output, stderr=output, env={**os.environ, "CONF": str(path)}
        )
        try:
            listener.settimeout(ROUND_SECONDS)
            seen = {_accepted(listener, log)}
            first, cpu = time.monotonic() - began, _cpu(child.pid)
            while len(seen) < ENDPOINTS:
                seen.add(_accepted(listener, log))
            return Start(first, cpu, time.monotonic() - began)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            _drain(listener)


def _accepted(listener: socket.socket, log: Path) -> str:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        sys.exit(f"no probe came:\n{log.read_text()[-2000:]}")
    with connection:
        return str(connection.getsockname()[0])


def _drain(listener: socket.socket) -> None:
    """Take what the kernel still holds of the process that was killed."""
    listener.settimeout(0.2)
    try:
        while True:
            listener.accept()[0].close()
    except TimeoutError:
        return


def _cpu(pid: int) -> float:
    """CPU seconds of a process, in nanoseconds of the scheduler: clock ticks would be too coarse."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def busy() -> Iterator[None]:
    """Keep one core busy while the block runs."""
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        os.sched_setaffinity(child.pid, {cores()[1]})
        yield
    finally:
        child.kill()
        child.wait()


def measure(case: Case, folder: Path, times: int) -> list[Start]:
    """Start it so many times on the same store; the first start of a case fills it and is not counted."""
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as listener:
        path, log = folder / "rrdnsd.json", folder / "rrdnsd.log"
        path.write_text(json.dumps(config(case, listener.getsockname()[1], folder / "state")))
        return [start(path, listener, log) for _ in range(times + 1)][1:]


def row(name: str, found: list[Start]) -> list[str]:
    print(name, *(f"{one.first:.2f}" for one in found), flush=True)
    return [
        name,
        f"{statistics.median(one.first for one in found):.2f} s",
        f"{min(one.first for one in found):.2f} - {max(one.first for one in found):.2f} s",
        f"{statistics.median(one.cpu for one in found):.2f} s",
        f"{statistics.median(one.all for one in found):.1f} s",
    ]


def render(rows: list[list[str]], times: int) -> str:
    known = facts()
    shown = {name: known[name] for name in ("date", "CPU", "kernel", "Python")}
    intro = (
        f"From the exec of `rrdnsd run` until the connection of its first probe arrives, with {ENDPOINTS:,} endpoints (services x"
        f" endpoints of each), three nodes of which two are away, the API, and a `state_dir`; {times} starts each."
        " CPU is that of the process until then. `each probed once` is from exec until the last endpoint"
        " has had its first probe."
    )
    head = ("", "first probe, median", "range", "CPU", "each probed once, median")
    return "\n\n".join(["## Starting", machine_line(shown), intro, table(head, rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 starts each instead of 10")
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/performance.md as it is")
    options = parser.parse_args()
    times = 3 if options.quick else 10
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(case.text, measure(case, Path(folder), times)))
    with tempfile.TemporaryDirectory() as folder, busy():
        rows.append(row(f"{CASES[1].text}, one core busy", measure(CASES[1], Path(folder), times)))
    text = render(rows, times)
    print(text)
    if not options.dry:
        write_section("startup", text)


if __name__ == "__main__":
    main()
