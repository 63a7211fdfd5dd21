"""Measures a mass outage: 1,000 names lose one of their three endpoints in the same moment.

From each verdict until named, asked from outside, serves the address no more, and how many UPDATE messages that takes;
how long a visitor of API and dashboard waits meanwhile; and the same changes by an nsupdate process each.
"""

import argparse
import math
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from machine import facts, version
from nodes import EMPTY_ZONE, ZONE
from report import machine_line, table, write_section
from rig import AFTER, BEFORE, NAMES, STAY, Case, Found, counting, measure
from versions import Record, addresses
from visitor import EVENT, HEAD, OFTEN, PARTS, QUESTIONS, SELDOM

ALONE = (1, 8)
"""How many nsupdate processes at a time."""
OUT, VISIT = 1.0, 0.1
"""The targets, in seconds."""
NEVER = [math.inf]
"""What was asked and not answered while anybody waited for it."""
CASES = (
    Case(),
    Case(shared=False),
    Case(zones=10),
    Case(interval=5.0),
    Case(nodes=3, interval=3.0),
)


def one_each(folder: Path, at_once: int) -> str:
    """Take one address from each name with an nsupdate process of its own; tells how long it took until all had ended."""
    try:
        return f"{_one_each(folder, at_once):.1f} s"
    except (OSError, subprocess.SubprocessError, SystemExit) as error:
        print(f"nsupdate, {at_once} at a time: {error}", file=sys.stderr, flush=True)
        return "failed"


def _one_each(folder: Path, at_once: int) -> float:
    folder.mkdir()
    lost = Case().lost
    lines = [f"{name}. 60 A {one}" for name, address in lost.items() for one in (address, *STAY)]
    with counting(folder, {ZONE: EMPTY_ZONE + "\n".join(lines) + "\n"}) as (server, _):
        key = f"hmac-sha256:bench:{server.secret}"

        def take(record: Record) -> None:
            name, address = record
            said = f"server 127.0.0.1 {server.port}\nzone {ZONE}\nupdate delete {name}. A {address}\nsend\n"
            subprocess.run(["nsupdate", "-y", key], input=said.encode(), check=True, timeout=30)

        began = time.monotonic()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(take, lost.items()))
        took = time.monotonic() - began
        if {*lost.items()} & addresses(server.port, [ZONE]):
            raise SystemExit("nsupdate has left some")
    return took


def share(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(int(part * len(values)), len(values) - 1)]


def spread(values: Sequence[float]) -> list[str]:
    """Median, 99th percentile and longest of some times."""
    return [f"{share(values, part):.2f} s" for part in (0.5, 0.99, 1)]


def out_table(results: Mapping[Case, Found]) -> str:
    head = (
        "",
        "outages",
        "verdict to out: median",
        "99 %",
        "longest",
        "outage to verdict: median",
        "outage to the last one out",
        "UPDATE messages",
        "CPU of a node",
        "waiting for a core",
    )
    rows = [
        (
            case.text,
            len(found.last),
            *spread(found.out),
            f"{share(found.detected, 0.5):.2f} s",
            f"{max(found.last):.2f} s",
            f"{min(found.messages)} - {max(found.messages)}",
            f"{100 * statistics.mean(found.cpu):.0f} %",
            f"{100 * statistics.mean(found.waited):.0f} %",
        )
        for case, found in results.items()
    ]
    return table(head, rows)


def troubles(results: Mapping[Case, Found], times: int) -> str:
    """Say of which rows there are fewer outages than there should be, and why."""
    fewer = [
        f"{case.text}: {len(found.last)} of {times} ({found.trouble})"
        for case, found in results.items()
        if found.trouble
    ]
    return f"Not all outages could be measured: {'; '.join(fewer)}." if fewer else ""


def visits_table(results: Mapping[Case, Found]) -> str:
    head = ("what is asked", *(case.text for case in results))
    rows = [
        (
            what,
            *(
                " / ".join(
                    f"{1000 * share(found.visits.get(what, NEVER), part):.0f}" for part in (0.5, 0.99, 1)
                )
                for found in results.values()
            ),
        )
        for what in (*QUESTIONS, HEAD, PARTS, EVENT)
    ]
    return table(head, rows)


def render(every: Mapping[Case, Found], alone: Mapping[int, str], times: int) -> str:
    known = facts()
    shown = {name: known[name] for name in ("date", "CPU", "kernel", "Python", "nginx")}
    shown["BIND"] = version(["named", "-v"])
    results = {case: found for case, found in every.items() if found.last}
    longest = max(max(found.out) for found in results.values())
    met = "met" if len(results) == len(every) else "met by the rows that could be measured"
    intro = (
        f"{NAMES:,} names with three endpoints each lose one of them in the same moment: what answered on the lost address, or on"
        f" {NAMES:,} different ones, is killed. The safety features are at their defaults: a third of"
        " a zone's addresses is less than `max_removals` refuses, and one endpoint of three less than `fail_open_threshold`."
        " The addresses that stay answer for all names; each of the 3,000 endpoints is probed by itself."
        " The time of a verdict is that of its event in the API, of the first of three nodes. named is asked every 10 ms for the"
        " serial of each zone, and afterwards by IXFR what changed with which; it counts itself which UPDATE messages it received."
        f" CPU is that of one daemon over {AFTER:g} s from the outage on, with everything else that it does; `waiting for a core` is the"
        " share of that time in which its event loop could have run and the machine, on which everything here runs, let it wait."
    )
    each = "; ".join(f"{at_once} at a time {took}" for at_once, took in alone.items())
    target = (
        f"Target: out of named within 1 s of the verdict: {met if longest < OUT else 'missed'} (longest {longest:.2f} s)."
        + (
            f" The same {NAMES:,} changes with one nsupdate process each, {NAMES:,} messages: {each}."
            if each
            else ""
        )
    )
    visiting = (
        f"Meanwhile somebody asks one node all the time, from {BEFORE:g} s before until {AFTER:g} s after the outage, each row over a"
        f" connection and of a process of its own: {1000 * OFTEN:.0f} ms after each answer again, the long ones (all services, 1.6 MB of"
        f" JSON; metrics; the page of {NAMES:,} services, the first of them whole, the others in brief) {1000 * SELDOM:.0f} ms after it. Who asks"
        " for a long one again within two seconds is shown the last, while the next is made. He also listens to all events, and keeps a page of the"
        " dashboard as a browser does (`changed tiles`: those of a screen are fetched when the stream says so). Median / 99th"
        " percentile / longest in milliseconds, until an answer is read whole; of an event: until it has arrived."
    )
    slow = sorted(
        what
        for what in (*QUESTIONS, HEAD, PARTS)
        if any(share(found.visits.get(what, NEVER), 0.99) >= VISIT for found in results.values())
    )
    wait = f"Target: within 100 ms at the 99th percentile: {'missed by: ' + '; '.join(slow) if slow else 'met by all'}."
    parts = [
        "## Mass outage",
        machine_line(shown),
        intro,
        out_table(results),
        troubles(every, times),
        target,
        visiting,
        visits_table(results),
        wait,
    ]
    return "\n\n".join(part for part in parts if part)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 outage for each row instead of 10")
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/performance.md as it is")
    parser.add_argument("--only-rrdnsd", action="store_true", help="leave nsupdate out")
    parser.add_argument("--case", type=int, choices=range(len(CASES)), help="only this row of the table")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started, as Ctrl-C does
    times = 1 if options.quick else 10
    chosen = CASES if options.case is None else [CASES[options.case]]
    with tempfile.TemporaryDirectory(prefix="rrdnsd-bench-") as name:
        results = {case: measure(case, Path(name) / str(number), times) for number, case in enumerate(chosen)}
        alone = {
            at_once: one_each(Path(name) / f"nsupdate{at_once}", at_once)
            for at_once in ALONE[: 0 if options.only_rrdnsd else None]
        }
    if not any(found.last for found in results.values()):
        raise SystemExit("no outage could be measured")
    text = render(results, alone, times)
    print(text)
    if not options.dry and options.case is None and alone:
        write_section("outage", text)


if __name__ == "__main__":
    main()
