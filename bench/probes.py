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
from machine import cores, cpu_seconds, facts, machine_seconds, own_seconds, rss_bytes
from report import machine_line, table, write_section

# Share of one core that strangers may use while something is measured, and how often that is tried.
QUIET = 0.1
TRIES = 4
RATES = (200, 5000)
Prober = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


@dataclass(frozen=True)
class Options:
    rrdnsd: Prober
    settle: float
    seconds: float
    turns: int


@dataclass(frozen=True)
class Measured:
    """One turn. `cpu` is seconds per 10,000 probes; `others` the share of one core that strangers used."""

    rate: float
    cpu: float
    rss: int
    others: float


@dataclass(frozen=True)
class Turns:
    """The turns of one prober that count."""

    rows: tuple[Measured, ...]
    discarded: int

    @property
    def typical(self) -> Measured:
        """The turn of median cost."""
        return sorted(self.rows, key=lambda row: row.cpu)[len(self.rows) // 2]

    @property
    def cheapest(self) -> Measured:
        return min(self.rows, key=lambda row: row.cpu)

    @property
    def dearest(self) -> Measured:
        return max(self.rows, key=lambda row: row.cpu)


@dataclass(frozen=True)
class Taken:
    """All that was measured."""

    plain: dict[str, Turns]
    rates: dict[str, Turns]
    tls: dict[str, Turns]
    sustained: tuple[Measured, dict[float, float]]
    sizes: dict[int, int]


def measure(open_prober: Prober, endpoints: Endpoints, settle: float, seconds: float) -> Measured:
    """Let a prober run, then count probes and CPU time over some seconds."""
    with open_prober() as child:
        time.sleep(settle)
        return cost(child.pid, endpoints, seconds)


def cost(pid: int, endpoints: Endpoints, seconds: float) -> Measured:
    """Count the probes and the CPU time of a process over some seconds."""
    others, probes = machine_seconds() - own_seconds(), endpoints.requests()
    cpu, begun = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - begun
    cpu = cpu_seconds(pid) - cpu
    # The second question is one of the requests that it counts.
    probes = endpoints.requests() - probes - 1
    others = machine_seconds() - own_seconds() - others
    if not probes:
        raise SystemExit("no probe arrived; this prober does not work here")
    return Measured(probes / elapsed, 10_000 * cpu / probes, rss_bytes(pid), max(0.0, others / elapsed))


def wait_for_quiet() -> None:
    """Give strangers a minute to leave the machine alone."""
    for _ in range(30):
        others = machine_seconds() - own_seconds()
        time.sleep(2)
        if machine_seconds() - own_seconds() - others < 2 * QUIET:
            return


def undisturbed(name: str, prober: Prober, endpoints: Endpoints, options: Options) -> list[Measured]:
    """Measure until strangers leave the machine alone meanwhile; the turn that counts comes first.

    Which turn counts is decided by what strangers used, never by what was measured.
    """
    tries: list[Measured] = []
    while len(tries) < TRIES and not (tries and tries[-1].others <= QUIET):
        wait_for_quiet()
        tries.append(measure(prober, endpoints, options.settle, options.seconds))
        print(f"{name}: {tries[-1]}", flush=True)
    return sorted(tries, key=lambda turn: turn.others)


def by_turns(variants: Mapping[str, Prober], endpoints: Endpoints, options: Options) -> dict[str, Turns]:
    """Measure each by turns, so that slow changes of the machine reach all of them alike."""
    taken: dict[str, list[list[Measured]]] = {name: [] for name in variants}
    for _ in range(options.turns):
        for name, prober in variants.items():
            taken[name].append(undisturbed(name, prober, endpoints, options))
    return {
        name: Turns(tuple(tries[0] for tries in turns), sum(len(tries) - 1 for tries in turns))
        for name, turns in taken.items()
    }


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


def compare(folder: Path, core: int, endpoints: Endpoints, options: Options) -> dict[str, Turns]:
    """Plain HTTP, all four; HAProxy and rrdnsd 1,000 probes a second of 1,000 endpoints."""
    place = (folder, core, addresses(1000), endpoints.plain)
    variants: dict[str, Prober] = {
        "haproxy": partial(probers.haproxy, *place, 1000),
        "rrdnsd": partial(options.rrdnsd, *place, 1000),
        "gdnsd": partial(probers.gdnsd, *place, 500),
        "blackbox": partial(probers.blackbox, *place, 100),
    }
    return by_turns(variants, endpoints, options)


def compare_rates(folder: Path, core: int, endpoints: Endpoints, options: Options) -> dict[str, Turns]:
    """Plain HTTP at a lower and a higher rate of the same endpoints."""
    place = (folder, core, addresses(1000), endpoints.plain)
    variants: dict[str, Prober] = {}
    for rate in RATES:
        variants[f"haproxy {rate}"] = partial(probers.haproxy, *place, rate)
        variants[f"rrdnsd {rate}"] = partial(options.rrdnsd, *place, rate)
    return by_turns(variants, endpoints, options)


def compare_tls(folder: Path, core: int, endpoints: Endpoints, options: Options) -> dict[str, Turns]:
    """TLS 1.3 with nginx's certificate not verified, 250 probes a second of 500 endpoints."""
    place = (folder, core, addresses(500), endpoints.tls, 250)
    variants: dict[str, Prober] = {
        "haproxy": partial(probers.haproxy, *place, scheme="https"),
        "rrdnsd": partial(options.rrdnsd, *place, scheme="https"),
        "rrdnsd reuse": partial(options.rrdnsd, *place, scheme="https", reuse=True),
    }
    return by_turns(variants, endpoints, options)


def sustain(
    folder: Path, core: int, endpoints: Endpoints, options: Options
) -> tuple[Measured, dict[float, float]]:
    """5,000 probes a second of 1,000 endpoints, their arrivals logged by nginx."""
    targets, rate = addresses(1000), 5000
    start = partial(options.rrdnsd, folder, core, targets, endpoints.logged, rate)
    tries: list[tuple[Measured, list[float]]] = []
    while len(tries) < TRIES and not (tries and tries[-1][0].others <= QUIET):
        wait_for_quiet()
        endpoints.arrivals.write_text("")
        row = measure(start, endpoints, options.settle, options.seconds)
        until = time.time()
        print(f"sustained: {row}", flush=True)
        # nginx writes its log once a second.
        time.sleep(1.5)
        tries.append((row, lags(endpoints.arrivals, len(targets) / rate, until - options.seconds)))
    row, late = min(tries, key=lambda turn: turn[0].others)
    return row, {share: late[min(int(share * len(late)), len(late) - 1)] for share in (0.5, 0.99, 1)}


def grow(folder: Path, core: int, endpoints: Endpoints, options: Options) -> dict[int, int]:
    """Memory at 1,000 and at 5,000 endpoints, 1,000 probes a second."""
    sizes = {}
    for count in (1000, 5000):
        start = partial(options.rrdnsd, folder, core, addresses(count), endpoints.plain, 1000)
        sizes[count] = measure(start, endpoints, options.settle + count / 1000, options.seconds / 2).rss
        print(f"memory at {count}: {sizes[count] / 2**20:.1f} MiB", flush=True)
    return sizes


HEAD = (
    "prober",
    "probes/s",
    "CPU s per 10,000 probes: median",
    "cheapest - dearest turn",
    "ratio to HAProxy of the medians",
    "of the cheapest",
    "RSS MiB",
)


def row_of(label: str, turns: Turns, base: Turns) -> tuple[str, ...]:
    typical = turns.typical
    return (
        label,
        f"{typical.rate:.0f}",
        f"{typical.cpu:.2f}",
        f"{turns.cheapest.cpu:.2f} - {turns.dearest.cpu:.2f}",
        f"{typical.cpu / base.typical.cpu:.2f}",
        f"{turns.cheapest.cpu / base.cheapest.cpu:.2f}",
        f"{typical.rss / 2**20:.0f}",
    )


def render(label: str, taken: Taken, options: Options) -> str:
    plain, tls, rates, (row, late), sizes = taken.plain, taken.tls, taken.rates, taken.sustained, taken.sizes
    names = {"haproxy": "HAProxy httpchk, 1 thread", "rrdnsd": label, "gdnsd": "gdnsd http_status"}
    names |= {
        "blackbox": "blackbox_exporter, its scrape included",
        "rrdnsd reuse": f"{label}, reuse_connections",
    }
    discarded = sum(turns.discarded for group in (plain, tls, rates) for turns in group.values())
    counted = [turn for group in (plain, tls, rates) for turns in group.values() for turn in turns.rows]
    loudest = max(turn.others for turn in [*counted, row])
    per_endpoint = (sizes[5000] - sizes[1000]) / 4000 / 1024
    pairs = [(f"{prober} {rate}", f"haproxy {rate}") for rate in RATES for prober in ("haproxy", "rrdnsd")]
    return "\n\n".join(
        [
            "## Probing",
            machine_line(facts()),
            (
                "Every prober ran alone on one core against nginx (one worker, another core) on loopback addresses"
                " 127.1.x.y. nginx counted the probes; CPU time is user and system time from /proc/PID/stat."
                f" All were measured by turns, {options.turns} times {options.seconds:g} s each. A turn in which"
                f" other processes used more than {QUIET:.0%} of a core was repeated up to {TRIES - 1} times, and the"
                f" quietest one counts ({discarded} were discarded; in those that count others used up to"
                f" {loudest:.0%} of a core)."
            ),
            "### Plain HTTP, 1,000 endpoints, a new connection for each probe",
            table(HEAD, [row_of(names[name], turns, plain["haproxy"]) for name, turns in plain.items()]),
            "At other rates:",
            table(HEAD, [row_of(names[own.split()[0]], rates[own], rates[base]) for own, base in pairs]),
            "### HTTPS, 500 endpoints, TLS 1.3, certificate (RSA 2048) not verified",
            "Fresh full handshakes, but for the last row.",
            table(HEAD, [row_of(names[name], turns, tls["haproxy"]) for name, turns in tls.items()]),
            "### 5,000 probes a second on one core",
            (
                f"Sustained {row.rate:.0f} probes/s with {row.cpu * row.rate / 100:.0f} % of one core. Start lag,"
                " as nginx saw the requests arrive against each endpoint's grid (so nginx's own delay is included):"
                f" median {late[0.5] * 1000:.0f} ms, 99th percentile {late[0.99] * 1000:.0f} ms, largest"
                f" {late[1] * 1000:.0f} ms. Other processes used {row.others:.0%} of a core meanwhile."
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
    parser.add_argument("--quick", action="store_true", help="once, for 5 seconds, instead of three times 10")
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/performance.md as it is")
    parser.add_argument(
        "--probe-only", action="store_true", help="the probing part alone, without the daemon"
    )
    given = parser.parse_args()
    prober = partial(probers.rrdnsd, probers.PROBE_ONLY if given.probe_only else probers.RUN)
    options = Options(prober, *((7, 5, 1) if given.quick else (8, 10, 3)))
    core, other = cores()
    os.sched_setaffinity(0, {other})
    with tempfile.TemporaryDirectory(prefix="rrdnsd-bench-") as name:
        folder = Path(name)
        with serve(folder, other) as endpoints:
            place = (folder, core, endpoints, options)
            taken = Taken(
                compare(*place), compare_rates(*place), compare_tls(*place), sustain(*place), grow(*place)
            )
    text = render("rrdnsd (its probing part alone)" if given.probe_only else "rrdnsd", taken, options)
    print(f"\n{text}")
    if not given.dry:
        write_section("probing", text)


if __name__ == "__main__":
    main()
