"""Measures rrdnsd's probing against HAProxy, gdnsd and blackbox_exporter; writes docs/performance.md.

Each prober runs alone on one core, nginx (one worker) on another. Probes are counted by nginx, CPU time and
memory are read from /proc. `--quick` measures for shorter, `--dry` prints without writing the page.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import probers
from endpoints import Endpoints, addresses, serve
from machine import cores, cpu_seconds, facts, rss_bytes
from report import machine_line, table, write_section

Prober = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


@dataclass(frozen=True)
class Options:
    rrdnsd: Prober
    settle: float
    seconds: float
    turns: int


@dataclass(frozen=True)
class Measured:
    rate: float
    cpu: float
    rss: int


def measure(open_prober: Prober, endpoints: Endpoints, settle: float, seconds: float) -> Measured:
    """Let a prober run, then count probes and CPU time over some seconds."""
    with open_prober() as child:
        time.sleep(settle)
        probes, cpu, begun = endpoints.requests(), cpu_seconds(child.pid), time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - begun
        cpu = cpu_seconds(child.pid) - cpu
        # The second question is one of the requests that it counts.
        probes = endpoints.requests() - probes - 1
        if not probes:
            raise SystemExit("no probe arrived; this prober does not work here")
        return Measured(probes / elapsed, 10_000 * cpu / probes, rss_bytes(child.pid))


def lags(log: Path, interval: float, since: float) -> list[float]:
    """How late requests arrived at nginx, against the grid that each endpoint's best arrival defines, in s."""
    arrivals: dict[str, list[float]] = {}
    for line in log.read_text().splitlines():
        moment, address = line.split()
        if float(moment) >= since:
            arrivals.setdefault(address, []).append(float(moment))
    late: list[float] = []
    for moments in arrivals.values():
        offsets = [(moment - moments[0]) % interval for moment in moments]
        # Before the first arrival's own place on the grid is as near as after it.
        offsets = [offset - interval if offset > interval / 2 else offset for offset in offsets]
        late += [offset - min(offsets) for offset in offsets]
    return sorted(late)


def best_of(variants: Mapping[str, Prober], endpoints: Endpoints, options: Options) -> dict[str, Measured]:
    """Measure by turns, several times each, and keep each one's cheapest turn: the least disturbed one."""
    rows: dict[str, Measured] = {}
    for turn in range(options.turns):
        for name, prober in variants.items():
            row = measure(prober, endpoints, options.settle, options.seconds)
            print(f"turn {turn + 1}, {name}: {row}", flush=True)
            rows[name] = min(row, rows.get(name, row), key=lambda row: row.cpu)
    return rows


def compare(folder: Path, core: int, endpoints: Endpoints, options: Options) -> dict[str, Measured]:
    """Plain HTTP, all four; HAProxy and rrdnsd 1,000 probes a second of 1,000 endpoints."""
    place = (folder, core, addresses(1000), endpoints.plain)
    variants: dict[str, Prober] = {
        "haproxy": partial(probers.haproxy, *place, 1000),
        "rrdnsd": partial(options.rrdnsd, *place, 1000),
        "gdnsd": partial(probers.gdnsd, *place, 500),
        "blackbox": partial(probers.blackbox, *place, 100),
    }
    return best_of(variants, endpoints, options)


def compare_tls(folder: Path, core: int, endpoints: Endpoints, options: Options) -> dict[str, Measured]:
    """TLS 1.3 with nginx's certificate not verified, 500 probes a second of 500 endpoints."""
    place = (folder, core, addresses(500), endpoints.tls, 500)
    variants: dict[str, Prober] = {
        "haproxy": partial(probers.haproxy, *place, scheme="https"),
        "rrdnsd": partial(options.rrdnsd, *place, scheme="https"),
        "rrdnsd reuse": partial(options.rrdnsd, *place, scheme="https", reuse=True),
    }
    return best_of(variants, endpoints, options)


def sustain(
    folder: Path, core: int, endpoints: Endpoints, options: Options
) -> tuple[Measured, Measured, dict[float, float]]:
    """5,000 probes a second of 1,000 endpoints, by HAProxy and by rrdnsd; rrdnsd's arrivals logged by nginx."""
    targets, rate = addresses(1000), 5000
    start = partial(probers.haproxy, folder, core, targets, endpoints.logged, rate)
    base = measure(start, endpoints, options.settle, options.seconds)
    start = partial(options.rrdnsd, folder, core, targets, endpoints.logged, rate)
    endpoints.arrivals.write_text("")
    since = time.time() + options.settle
    row = measure(start, endpoints, options.settle, options.seconds)
    time.sleep(1.5)
    late = lags(endpoints.arrivals, len(targets) / rate, since)
    print(f"sustained: {row}, {len(late)} arrivals", flush=True)
    return base, row, {share: late[min(int(share * len(late)), len(late) - 1)] for share in (0.5, 0.99, 1)}


def grow(folder: Path, core: int, endpoints: Endpoints, options: Options) -> dict[int, int]:
    """Memory at 1,000 and at 5,000 endpoints, 1,000 probes a second."""
    sizes = {}
    for count in (1000, 5000):
        start = partial(options.rrdnsd, folder, core, addresses(count), endpoints.plain, 1000)
        sizes[count] = measure(start, endpoints, options.settle + count / 1000, options.seconds / 2).rss
        print(f"memory at {count}: {sizes[count] / 2**20:.1f} MiB", flush=True)
    return sizes


def render(
    label: str,
    turns: int,
    plain: dict[str, Measured],
    tls: dict[str, Measured],
    sustained: tuple[Measured, Measured, dict[float, float]],
    sizes: dict[int, int],
) -> str:
    busy, row, late = sustained
    base, tls_base = plain["haproxy"].cpu, tls["haproxy"].cpu
    names = {"haproxy": "HAProxy httpchk, 1 thread", "rrdnsd": label, "gdnsd": "gdnsd http_status"}
    names |= {
        "blackbox": "blackbox_exporter, its scrape included",
        "rrdnsd reuse": f"{label}, reuse_connections",
    }
    per_endpoint = (sizes[5000] - sizes[1000]) / 4000 / 1024

    def rows(measured: dict[str, Measured], reference: float) -> list[tuple[str, ...]]:
        return [
            (names[name], f"{m.rate:.0f}", f"{m.cpu:.2f}", f"{m.cpu / reference:.2f}", f"{m.rss / 2**20:.0f}")
            for name, m in measured.items()
        ]

    head = ("prober", "probes/s", "CPU s per 10,000 probes", "ratio to HAProxy", "RSS MiB")
    return "\n\n".join(
        [
            "## Probing",
            machine_line(facts()),
            (
                "Every prober ran alone on one core against nginx (one worker, another core) on loopback addresses"
                " 127.1.x.y. nginx counted the probes; CPU time is user and system time from /proc/PID/stat."
                f" Measured by turns, {turns} times each; the cheapest turn of each counts."
            ),
            "### Plain HTTP, 1,000 endpoints, a new connection for each probe",
            table(head, rows(plain, base)),
            "### HTTPS, 500 endpoints, TLS 1.3, certificate not verified",
            "Fresh full handshakes, but for the last row.",
            table(head, rows(tls, tls_base)),
            "### 5,000 probes a second on one core",
            (
                f"Sustained {row.rate:.0f} probes/s with {row.cpu * row.rate / 100:.0f} % of one core (HAProxy: {busy.cpu * busy.rate / 100:.0f} %). Start lag,"
                " as nginx saw the requests arrive against each endpoint's grid (so nginx's own delay is included):"
                f" median {late[0.5] * 1000:.0f} ms, 99th percentile {late[0.99] * 1000:.0f} ms, largest"
                f" {late[1] * 1000:.0f} ms."
            ),
            "### Memory",
            (
                f"RSS {sizes[1000] / 2**20:.1f} MiB at 1,000 endpoints, {sizes[5000] / 2**20:.1f} MiB at 5,000:"
                f" {per_endpoint:.1f} KiB for each further endpoint."
            ),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="once, for 5 seconds, instead of four times 10")
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/performance.md as it is")
    parser.add_argument(
        "--probe-only", action="store_true", help="the probing part alone, without the daemon"
    )
    given = parser.parse_args()
    prober = partial(probers.rrdnsd, probers.PROBE_ONLY if given.probe_only else probers.RUN)
    options = Options(prober, *((3, 5, 1) if given.quick else (4, 10, 4)))
    core, other = cores()
    os.sched_setaffinity(0, {other})
    with tempfile.TemporaryDirectory(prefix="rrdnsd-bench-") as name:
        folder = Path(name)
        with serve(folder, other) as endpoints:
            text = render(
                "rrdnsd (its probing part alone)" if given.probe_only else "rrdnsd",
                options.turns,
                compare(folder, core, endpoints, options),
                compare_tls(folder, core, endpoints, options),
                sustain(folder, core, endpoints, options),
                grow(folder, core, endpoints, options),
            )
    print(f"\n{text}")
    if not given.dry:
        write_section("probing", text)


if __name__ == "__main__":
    main()
