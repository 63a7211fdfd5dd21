"""Measures one node with 10,000 endpoints on one core: each probed every second, none of them answering, and memory.

nginx answers on every address of 127.1.0.0/16, on another core; HAProxy checks the same endpoints as often in the same run.
When probes start is told by the daemon's own metric, all starts counted, and by the stamps of the kernel on their SYNs.
Needs root: for the namespace in which nothing answers, and to see the SYNs. `--quick` measures for shorter.
"""

import argparse
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import blackhole
import probers
from arrivals import Arrivals
from endpoints import Endpoints, addresses, serve
from machine import (
    TICKS,
    cores,
    facts,
    machine_seconds,
    own_seconds,
    rss_bytes,
)
from one_node import EACH, Counters, daemon
from probes import Measured, cost, measure, wait_for_quiet
from report import machine_line, table, write_section

COUNT = 10_000
SIZES = (100, 1000, 10_000)
TARGET_LAG = 0.05
PUBLISHED_CPU, PUBLISHED_RSS = 0.18, 286


@dataclass(frozen=True)
class Options:
    """Seconds: of the run, of each turn of HAProxy, of the run in the black hole, and until memory counts."""

    seconds: float
    turn: float
    silent: float
    settle: float
    patient: bool


@dataclass(frozen=True)
class Sustained:
    run: Measured
    counted: Counters
    seen: Sequence[float]
    lost: int
    others: float
    haproxy: list[Measured]


@dataclass(frozen=True)
class Silent:
    """Shares of a core: of the process in user mode and in the kernel, and of soft interrupts on its core beside it."""

    user: float
    system: float
    soft: float
    rss: int
    peak: int
    rate: float
    counted: Counters


def sustain(folder: Path, core: int, endpoints: Endpoints, options: Options) -> Sustained:
    """10,000 endpoints every second; HAProxy has the same to do before and after."""
    targets = addresses(COUNT)
    peer = partial(probers.haproxy, folder, core, targets, endpoints.plain, COUNT)
    haproxy = [measure(peer, endpoints, 8, options.turn)]
    if options.patient:
        wait_for_quiet()
    with daemon(folder, core, targets, endpoints.plain, 1.0) as own:
        time.sleep(10)
        run = cost(own.pid, endpoints, options.turn)
        # To look at each SYN costs the prober some CPU time, too.
        with Arrivals(endpoints.plain) as seen:
            before, others, begun = own.counters(), machine_seconds() - own_seconds(), time.monotonic()
            time.sleep(options.seconds)
            others = max(0.0, machine_seconds() - own_seconds() - others) / (time.monotonic() - begun)
            counted = own.counters().since(before)
    print(f"rrdnsd: {run} {counted}", flush=True)
    haproxy.append(measure(peer, endpoints, 8, options.turn))
    print(f"HAProxy: {haproxy}", flush=True)
    return Sustained(run, counted, seen.lags(1.0), seen.lost, others, haproxy)


def vanish(folder: Path, core: int, options: Options) -> Silent:
    """10,000 endpoints every ten seconds, of which none answers."""
    with blackhole.void() as inside:
        targets = blackhole.addresses(COUNT)
        with daemon(folder, core, targets, 80, 10.0, inside=inside) as own:
            time.sleep(12)
            before, soft, begun = own.counters(), soft_seconds(core), time.monotonic()
            user, system = split_seconds(own.pid)
            time.sleep(options.silent)
            user, system = (
                now - then for now, then in zip(split_seconds(own.pid), (user, system), strict=True)
            )
            elapsed, soft = time.monotonic() - begun, soft_seconds(core) - soft
            counted = own.counters().since(before)
            counted_for = time.monotonic() - begun
            found = Silent(
                user / elapsed,
                system / elapsed,
                soft / elapsed,
                rss_bytes(own.pid),
                peak_bytes(own.pid),
                counted.begun / counted_for,
                counted,
            )
    print(found, flush=True)
    return found


def grow(
    folder: Path, core: int, endpoints: Endpoints, options: Options
) -> dict[tuple[int, int], tuple[int, int]]:
    """Memory now and at its highest, by the number of endpoints and of those of each service."""
    found = {}
    for each in (EACH, 1):
        for count in SIZES:
            with daemon(folder, core, addresses(count), endpoints.plain, 10.0, each) as own:
                time.sleep(options.settle)
                found[count, each] = rss_bytes(own.pid), peak_bytes(own.pid)
            print(f"memory at {count}, {each} a service: {found[count, each]}", flush=True)
    return found


def split_seconds(pid: int) -> tuple[float, float]:
    """User and system time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def soft_seconds(core: int) -> float:
    """Time that a core has spent in soft interrupts that are charged to no process, in seconds."""
    line = next(
        line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} ")
    )
    return int(line.split()[7]) / TICKS


def peak_bytes(pid: int) -> int:
    """The most resident memory that a process has had."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0]) * 1024


def verdict(*, met: bool) -> str:
    return "met" if met else "missed"


def render(
    done: Sustained, silent: Silent, sizes: dict[tuple[int, int], tuple[int, int]], options: Options
) -> str:
    run, known = done.run, facts()
    machine = {name: known[name] for name in ("date", "CPU", "kernel", "Python", "nginx", "HAProxy")}
    peer = sum(turn.cpu for turn in done.haproxy) / len(done.haproxy)
    seen = {
        share: done.seen[min(int(share * len(done.seen)), len(done.seen) - 1)] for share in (0.5, 0.99, 1)
    }
    bounds = [bound for bound in done.counted.within if 0.001 <= bound <= 0.25]
    shares = ", ".join(
        f"{100 * done.counted.within[bound] / done.counted.begun:.2f} % within {bound * 1000:g} ms"
        for bound in bounds
    )
    lag_met = max(done.counted.bound(0.99), seen[0.99]) <= TARGET_LAG
    cpu = silent.user + silent.system + silent.soft
    rows = [
        ("HAProxy httpchk, 1 thread", f"{done.haproxy[0].rate:.0f}", f"{peer * done.haproxy[0].rate / 100:.0f} %", f"{peer:.2f}", "1.00", f"{done.haproxy[0].rss / 2**20:.0f}"),
        ("rrdnsd", f"{run.rate:.0f}", f"{run.cpu * run.rate / 100:.0f} %", f"{run.cpu:.2f}", f"{run.cpu / peer:.2f}", f"{run.rss / 2**20:.0f}"),
    ]  # fmt: skip
    memory = [
        (f"{count:,}", *(f"{size / 2**20:.0f} ({peak / 2**20:.0f})" for size, peak in (sizes[count, EACH], sizes[count, 1])))
        for count in SIZES
    ]  # fmt: skip
    return "\n\n".join(
        [
            "## Scale",
            machine_line(machine),
            (
                "One node, whole: the API, a store on disk, the sandbox, the built-in DNS server. It and its threads have one core,"
                " what answers and what measures have another."
            ),
            f"### {COUNT:,} endpoints, each probed every second",
            (
                f"Plain HTTP, a new connection for each probe, services of {EACH} endpoints. CPU time is that of {options.turn:g} s, for"
                f" HAProxy of as many before and after; nginx counted the probes. Start lags are those of the {options.seconds:g} s that"
                f" followed, during which other processes used {done.others:.0%} of a core."
            ),
            table(
                (
                    "prober",
                    "probes/s",
                    "of one core",
                    "CPU s per 10,000 probes",
                    "ratio to HAProxy",
                    "RSS MiB",
                ),
                rows,
            ),
            (
                f"Start lag of all {done.counted.begun:,.0f} probes by the daemon's own metric"
                f" `rrdnsd_probe_start_delay_seconds`: {shares}. Skipped or missed: {done.counted.late:.0f}."
            ),
            (
                f"Start lag by the kernel's stamps on {len(done.seen):,} SYNs ({done.lost} were not seen), each against the grid of its"
                f" endpoint, which the best of them defines: median {seen[0.5] * 1000:.1f} ms, 99th percentile {seen[0.99] * 1000:.1f} ms, longest"
                f" {seen[1] * 1000:.0f} ms."
            ),
            f"Target: the 99th percentile under {TARGET_LAG * 1000:g} ms on one core: {verdict(met=lag_met)}.",
            f"### {COUNT:,} endpoints that never answer, each probed every 10 s",
            (
                "In a network namespace in which every SYN vanishes; default timeout."
                f" {silent.rate:.0f} probes/s over {options.silent:g} s took {100 * (silent.user + silent.system):.1f} % of a core:"
                f" {100 * silent.user:.1f} % the program, {100 * silent.system:.1f} % the kernel for it;"
                f" {100 * silent.soft:.1f} % more were soft interrupts of that core, retransmitted SYNs among them. RSS"
                f" {silent.rss / 2**20:.0f} MiB, {silent.peak / 2**20:.0f} MiB at its highest."
            ),
            (
                f"Target, coredns-gslb's published figures: at most {PUBLISHED_CPU:.0%} of a core"
                f" ({verdict(met=cpu <= PUBLISHED_CPU)}) and {PUBLISHED_RSS} MB"
                f" ({verdict(met=silent.peak <= PUBLISHED_RSS * 1e6)})."
            ),
            "### Memory by the number of endpoints",
            (
                f"RSS in MiB, in brackets at its highest, {options.settle:g} s after every endpoint had a verdict; probed every 10 s."
            ),
            table(("endpoints", f"{EACH} a service", "1 a service"), memory),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="10 s instead of two minutes, and so with the rest"
    )
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/performance.md as it is")
    given = parser.parse_args()
    if os.geteuid():
        sys.exit("needs root: it makes a network namespace and looks at packets")
    options = Options(10, 5, 20, 5, patient=False) if given.quick else Options(120, 30, 60, 65, patient=True)
    core, other = cores()
    os.sched_setaffinity(0, {other})
    # Whatever is started here inherits it: nginx and HAProxy hold a socket for each endpoint at the worst.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="rrdnsd-bench-") as name:
        folder = Path(name)
        with serve(folder, other) as endpoints:
            done = sustain(folder, core, endpoints, options)
            sizes = grow(folder, core, endpoints, options)
        silent = vanish(folder, core, options)
    text = render(done, silent, sizes, options)
    print(f"\n{text}")
    if not given.dry:
        write_section("scale", text)


if __name__ == "__main__":
    main()
