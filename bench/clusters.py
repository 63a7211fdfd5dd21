"""Measures what clusters of 3 to 15 nodes cost with up to 100,000 endpoints, on paper and in virtual time; draws the curves.

Each cluster runs in a process of its own (cluster_run.py), in one thread: the real decisions and the real bytes of the
messages, over a simulated network. Computing takes as much virtual time as it takes this machine. Three real daemons
with 10,000 endpoints, on loopback, show how far that is from reality.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests"))

import cluster_model as model  # noqa: E402 -- the simulation is among the tests
from cluster_plots import Line, Panel, draw  # noqa: E402
from endpoints import addresses, serve  # noqa: E402
from machine import cores, cpu_seconds, host, rss_bytes, wait_for  # noqa: E402
from nodes import ZONE, Node, running  # noqa: E402
from quiet_world import FAST, HEARTBEAT, INTERVAL  # noqa: E402
from report import machine_line, table, write_section  # noqa: E402

Found = Mapping[str, Any]
NODES = (3, 5, 7, 9, 11, 13, 15)
REAL = 10_000


@dataclass(frozen=True)
class Sizes:
    """Which clusters are measured: nodes by number of endpoints, nodes with 10,000 endpoints and so many voters; seconds of the real ones."""

    clusters: Mapping[int, Sequence[int]]
    voters: Mapping[int, Sequence[int]]
    real: float


FULL = Sizes({1000: NODES, 10_000: NODES, 100_000: (3, 5, 9, 15)}, {3: (7, 11, 15), 5: (7, 11, 15)}, 30)
QUICK = Sizes({1000: (3, 5, 7)}, {3: (5, 7)}, 5)


def run(nodes: int, endpoints: int, voters: int | None = None) -> Found:
    """Measure one cluster."""
    command = [sys.executable, str(HERE / "cluster_run.py"), f"--nodes={nodes}", f"--endpoints={endpoints}"]
    command += [f"--voters={voters}"] if voters else []
    env = {**os.environ, "PYTHONPATH": str(HERE.parent / "tests")}
    found: dict[str, Any] = {}
    for more in ([], ["--memory"]):
        done = subprocess.run([*command, *more], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}:\n{done.stderr}")
        found |= json.loads(done.stdout)
    print(
        f"{nodes} nodes, {endpoints:,} endpoints, {voters or 'all'} voters: {json.dumps(found)}", flush=True
    )
    return found


def real(seconds: float) -> Found:
    """Measure three real daemons at rest: RSS, CPU, and the bytes between two nodes."""
    with (
        tempfile.TemporaryDirectory(prefix="rrdnsd-bench-") as name,
        serve(Path(name), cores()[1]) as endpoints,
        running(Path(name), 3, _config(endpoints.plain)) as nodes,
    ):
        for node in nodes:
            wait_for(f"{node.name} to see all endpoints up", lambda node=node: _settled(node), 180)
        cpu, began = [cpu_seconds(node.pid) for node in nodes], time.monotonic()
        time.sleep(seconds)
        spent = sum(cpu_seconds(node.pid) for node in nodes) - sum(cpu)
        rss = sum(rss_bytes(node.pid) for node in nodes) / 3
        return {"cpu": spent / (time.monotonic() - began) / 3, "rss": rss}


def _config(port: int) -> Mapping[str, object]:
    targets = addresses(REAL)
    services = [
        {"fqdn": f"s{n}.{ZONE}", "zone": ZONE, "healthcheck": f"http://{{}}:{port}/", "ipaddrs": targets[10 * n : 10 * n + 10], "ttl": 60}
        for n in range(REAL // 10)
    ]  # fmt: skip
    return {"probe_interval_ms": 30_000, "services": services}


def _settled(node: Node) -> bool:
    return bool(node.health()["endpoints"].get("up") == REAL)


def figures(found: Sequence[Found]) -> None:
    """Draw what was measured, and what the model says, by number of nodes."""
    curves = _curves(found)

    def lines(what: str, value: str, scale: float = 1.0, paper: Any = None) -> list[Line]:  # noqa: ANN401 -- a function of a cluster
        return [
            Line(
                label,
                [(f["nodes"], f[what][value] * scale) for f in group],
                [(f["nodes"], paper(f) * scale) for f in group] if paper else (),
            )
            for label, group in curves.items()
        ]

    one = {label: group for label, group in curves.items() if label == next(iter(curves))}
    rest = [(f["nodes"], f) for group in one.values() for f in group]
    draw("clusters-bytes", [
        Panel("messages a second that a node sends at rest", [
            Line("any number of endpoints", [(n, f["rest"]["messages"] / f["rest"]["seconds"]) for n, f in rest],
                 [(n, model.messages_at_rest(n)) for n, _ in rest])]),
        Panel("KB a second that a node sends at rest", [
            Line("any number of endpoints", [(n, f["rest"]["bytes"] / f["rest"]["seconds"] / 1000) for n, f in rest],
                 [(n, model.bytes_at_rest(n) / 1000) for n, _ in rest])]),
        Panel("1 % fail: KB that a node sends until all agree", lines("outage", "bytes", 1e-3, _outage_bytes), log=True),
        Panel("restart of a node: KB that all send", lines(
            "restart", "bytes", 1e-3, lambda f: model.restart_bytes(f["nodes"], f["endpoints"], f["voters"])), log=True),
    ])  # fmt: skip
    draw("clusters-time", [
        Panel("1 % fail: seconds until all nodes agree", lines(
            "outage", "seconds", 1, lambda f: model.agreement(f["nodes"], f["voters"]))),
        Panel("1 % fail: CPU seconds of a node until then", lines("outage", "cpu"), log=True),
        Panel("10 % fail with one address: seconds until all agree", lines(
            "shared", "seconds", 1, lambda f: model.agreement(f["nodes"], f["voters"]))),
        Panel("memory of a node for endpoints and votes, MB", [
            Line(label, [(f["nodes"], f["rss"] / 1e6) for f in group]) for label, group in curves.items()], log=True),
    ])  # fmt: skip


def _curves(found: Sequence[Found]) -> dict[str, list[Found]]:
    curves: dict[str, list[Found]] = {}
    for each in found:
        label = f"{each['endpoints']:,}" + (f", {each['voters']} voters" if each["voters"] else "")
        curves.setdefault(label, []).append(each)
    return curves


def _outage_bytes(found: Found) -> float:
    outage = found["outage"]
    return model.outage_bytes(found["nodes"], outage["failed"], found["voters"], outage["seconds"])


def render(found: Sequence[Found], daemon: Found | None) -> str:
    head = (
        "endpoints", "nodes", "voters", "at rest: messages/s, KB/s", "1 % fail: agreed after", "KB", "CPU",
        "10 % share an address: agreed after", "KB", "CPU", "restart: has all votes after", "MB of all", "longest turn", "memory MB",
    )  # fmt: skip
    paper = [(what, formula) for what, formula in model.FORMULAS]
    return "\n\n".join([
        "## Large clusters",
        machine_line(host()),
        ("In virtual time: the real core, runtime and messages, over a simulated network of 1 to 30 ms each way. Computing takes as much"
        " virtual time as it takes this machine. Services of ten endpoints;"
        f" `probe_interval_ms` {INTERVAL * 1000:.0f}, `fast_interval_ms` {FAST * 1000:.0f}, `heartbeat_ms` {HEARTBEAT * 1000:.0f}, a"
        " `cluster_secret`. Bytes are those of the bodies; HTTP adds some 320 to a message with its answer. What is said of a"
        " node is the average of all. Dashed is what the formulas say."),
        "![Bytes and messages by number of nodes](clusters-bytes.svg)",
        "![Time until all nodes agree, CPU and memory by number of nodes](clusters-time.svg)",
        table(("on paper", ""), paper),
        table(head, [_row(each) for each in found]),
        ("`longest turn` is the longest that a node did nothing else, in all of that. The restarted node is killed, away for a second,"
        " and knows nothing; how long it takes it to probe everything is not in it."),
        *([_anchor(daemon)] if daemon else []),
    ])  # fmt: skip


def _anchor(daemon: Found) -> str:
    return (
        f"Three real daemons on loopback with {REAL:,} endpoints in {REAL // 10:,} services, each probed every 30 s:"
        f" {daemon['rss'] / 2**20:.0f} MiB of memory and {100 * daemon['cpu']:.1f} % of a core each, probes included."
    )


def _row(found: Found) -> tuple[object, ...]:
    rest, outage, shared, restart = (found[what] for what in ("rest", "outage", "shared", "restart"))
    longest = max(each["longest"] for each in (rest, outage, shared, restart))
    return (
        f"{found['endpoints']:,}", found["nodes"], found["voters"] or "all",
        f"{rest['messages'] / rest['seconds']:.0f}, {rest['bytes'] / rest['seconds'] / 1000:.1f}",
        f"{outage['seconds']:.1f} s", f"{outage['bytes'] / 1000:,.0f}", f"{outage['cpu']:.2f} s",
        f"{shared['seconds']:.1f} s", f"{shared['bytes'] / 1000:,.0f}", f"{shared['cpu']:.2f} s",
        f"{restart['seconds']:.1f} s", f"{restart['bytes'] / 1e6:.1f}", f"{1000 * longest:.0f} ms", f"{found['rss'] / 1e6:.0f}",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 to 7 nodes and 1,000 endpoints only")
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/ as it is")
    parser.add_argument("--simulated", action="store_true", help="leave out the real daemons")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    os.sched_setaffinity(0, {cores()[0]})
    found = [run(nodes, endpoints) for endpoints, counts in sizes.clusters.items() for nodes in counts]
    of = 1000 if options.quick else REAL
    found += [run(nodes, of, voters) for voters, counts in sizes.voters.items() for nodes in counts]
    os.sched_setaffinity(0, set(cores()))
    text = render(found, None if options.simulated else real(sizes.real))
    print(f"\n{text}")
    if not options.dry:
        figures(found)
        write_section("clusters", text)


if __name__ == "__main__":
    main()
