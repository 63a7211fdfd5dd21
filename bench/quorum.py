"""Measures what the nodes' talk costs in the steady state: bytes on their connections, and CPU time.

Three nodes watch 1,000 endpoints; then one of them does the same alone. The difference of their CPU time is the
protocol's. Bytes are what the kernel counts on the connections between the nodes.
"""

import argparse
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from endpoints import addresses, serve
from machine import cores, cpu_seconds, facts, wait_for
from nodes import ZONE, Node, running
from report import machine_line, table, write_section

ENDPOINTS, NODES = 1000, 3
PEERS = NODES - 1


@dataclass(frozen=True)
class Load:
    """What one node cost on average: CPU seconds a second, and bytes a second to and from each peer."""

    cpu: float
    sent: float
    received: float


def config(port: int, interval: float) -> Mapping[str, object]:
    """100 services of ten endpoints each, served by each node itself."""
    targets = addresses(ENDPOINTS)
    services = [
        {
            "fqdn": f"s{number}.{ZONE}",
            "zone": ZONE,
            "healthcheck": f"http://{{}}:{port}/",
            "ipaddrs": targets[10 * number : 10 * number + 10],
            "ttl": 60,
        }
        for number in range(ENDPOINTS // 10)
    ]
    return {"probe_interval_ms": round(1000 * interval), "services": services}


def measure(nodes: Sequence[Node], interval: float, seconds: float) -> Load:
    """Wait until every node has voted on every endpoint, then measure for some seconds."""
    for node in nodes:
        wait_for(f"{node.name} to see all endpoints up", lambda node=node: _settled(node), 120)
    time.sleep(interval + 2)  # a quorum is enough for a verdict, and votes of the rest still go out
    before, cpu, began = traffic(nodes), [cpu_seconds(node.pid) for node in nodes], time.monotonic()
    time.sleep(seconds)
    after = traffic(nodes)
    cost = sum(cpu_seconds(node.pid) for node in nodes) - sum(cpu)
    elapsed = time.monotonic() - began
    changed = [
        (now[0] - before[key][0], now[1] - before[key][1]) for key, now in after.items() if key in before
    ]
    ends = max(1, len(nodes) * (len(nodes) - 1))
    return Load(
        cost / elapsed / len(nodes),
        sum(sent for sent, _ in changed) / elapsed / ends,
        sum(received for _, received in changed) / elapsed / ends,
    )


def traffic(nodes: Sequence[Node]) -> dict[tuple[str, str], tuple[int, int]]:
    """Bytes sent and received so far at each end of each connection between nodes, as the kernel counts them."""
    names = {node.name for node in nodes}
    done = subprocess.run(
        ["ss", "-tinHO", "state", "established"], capture_output=True, text=True, check=True
    )
    found = {}
    for line in done.stdout.splitlines():
        local, remote = line.split()[2:4]
        if names & {local, remote}:
            counts = [re.search(rf"{what}:(\d+)", line) for what in ("bytes_sent", "bytes_received")]
            sent, received = (int(count[1]) if count else 0 for count in counts)
            found[local, remote] = (sent, received)
    return found


def _settled(node: Node) -> bool:
    return bool(node.health()["endpoints"].get("up") == ENDPOINTS)


def render(together: Load, alone: Load, interval: float) -> str:
    known = facts()
    shown = {name: known[name] for name in ("date", "CPU", "kernel", "Python")}
    rows = [
        (
            "one of three nodes",
            f"{100 * together.cpu:.2f} %",
            f"{together.sent:.0f}",
            f"{together.received:.0f}",
        ),
        ("the same node alone", f"{100 * alone.cpu:.2f} %", "", ""),
        ("the protocol", f"{100 * (together.cpu - alone.cpu):.2f} %", "", ""),
    ]
    intro = (
        f"{NODES} nodes, {ENDPOINTS:,} endpoints in {ENDPOINTS // 10} services, all up, each probed every {interval:g} s;"
        " default `heartbeat_ms` of 1,000, a `cluster_secret`, and the built-in DNS server on each node, so that its"
        " edition is told as well. Bytes are the payload of TCP in both directions, HTTP included, as the kernel counts"
        " it at each node's ends of the connections with one peer."
    )
    head = ("", "CPU of one core", "bytes/s sent to each peer", "bytes/s received from each peer")
    return "\n\n".join(["## What the nodes' talk costs", machine_line(shown), intro, table(head, rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20 seconds each instead of 120")
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/performance.md as it is")
    options = parser.parse_args()
    seconds, interval = (20, 30) if options.quick else (120, 30)
    with tempfile.TemporaryDirectory(prefix="rrdnsd-bench-") as name:
        folder = Path(name)
        with serve(folder, cores()[1]) as endpoints:
            os.sched_setaffinity(0, {cores()[1]})
            load = []
            for count in (NODES, 1):
                with running(folder, count, config(endpoints.plain, interval)) as nodes:
                    load.append(measure(nodes, interval, seconds))
                    print(f"{count} nodes: {load[-1]}", flush=True)
    text = render(*load, interval)
    print(f"\n{text}")
    if not options.dry:
        write_section("quorum", text)


if __name__ == "__main__":
    main()
