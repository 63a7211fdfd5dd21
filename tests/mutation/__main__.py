"""`make mutate`: does a test notice each small change of the core? Writes what came of it into docs/reliability.md.

ARGS="rrdnsd.core.ledger*" tries only some, says who survives and writes nothing.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from machine import host
from mutation.run import COPY, KILLED, ROOT, counted, mutate, took, tried
from mutation.survivors import LISTED, Group, entry, listed, unexpected
from report import machine_line, table, write_section

PAGE = ROOT / "docs" / "reliability.md"
WANTED = 0.9
"""The share of mutants that must be killed, those that cannot be killed among the others."""

TEXT = """\
## Mutation testing

`make mutate` changes the code of `core/`, which makes all decisions, in every small way that
[mutmut](https://github.com/boxed/mutmut) knows (another operator, another number, an argument left out ...), one at a time, and
runs the tests of `tests/unit/core` on each. A change that no test notices is something that nobody has said about the code, so
there is a test for each that can be told from the real code. The others are equivalent to it; `tests/mutation/{listed}` has each
of them with the reason. The program fails when any other mutant survives, when a listed one does not, and when less than
{wanted:.0%} are killed.

mutmut leaves out what stands outside of functions (constants, defaults of fields) and properties. A mutant that takes many times as
long as the real code counts as killed: {timeouts} of them did.

{counts}

Wanted: at least {wanted:.0%} killed. Measured: {share:.1%}, {met}. It took {minutes:.0f} minutes, {jobs} mutants at a time.

Who survives, and why nobody can tell:

{reasons}

{machine}
"""


def killed(counts: Counter[str]) -> int:
    return sum(counts[status] for status in KILLED)


def share(counts: Counter[str]) -> float:
    return killed(counts) / counts.total()


def rows(counts: Mapping[str, Counter[str]], total: Counter[str]) -> list[tuple[object, ...]]:
    return [
        (
            name,
            f"{found.total():,}",
            f"{killed(found):,}",
            found.total() - killed(found),
            f"{share(found):.1%}",
        )
        for name, found in [*counts.items(), ("all", total)]
    ]


def section(counts: Mapping[str, Counter[str]], total: Counter[str], groups: Sequence[Group]) -> str:
    seconds, jobs = took()
    reasons = [
        (f"`{group.file}`", f"`{group.function}`", len(group.mutants), group.why)
        for group in sorted(groups, key=lambda group: (group.file, group.function))
    ]
    return TEXT.format(
        listed=LISTED.name,
        wanted=WANTED,
        timeouts=total["timeout"],
        counts=table(("file", "mutants", "killed", "equivalent", "share killed"), rows(counts, total)),
        share=share(total),
        met="met" if share(total) >= WANTED else "missed",
        minutes=seconds / 60,
        jobs=jobs,
        reasons=table(("file", "function", "mutants", "reason"), reasons),
        machine=machine_line({**host(), "mutmut": version("mutmut")}),
    )


def some(only: Sequence[str], jobs: int) -> int:
    """Try some mutants and print those that survive, as the list would have them."""
    mutate(jobs, only)
    found = [one for one in tried() if one.status != "not checked"]
    said = [entry(one.mutant) for one in found if one.mutant]
    sys.stdout.write("\n\n".join([*said, f"{len(said)} of {len(found)} survive\n"]))
    return 0


def everything(jobs: int, *, last: bool, dry: bool) -> int:
    """Try all mutants, compare the survivors with the list, and write the section if it is right."""
    if not last:
        mutate(jobs, ())
    found, groups = [*tried()], listed()
    counts = counted(found)
    total = sum(counts.values(), Counter())
    wrong = [*unexpected(Counter(one.mutant for one in found if one.mutant), groups)]
    if untried := total["not checked"]:
        wrong.append(f"{untried} mutants were not tried")
    text = section(counts, total, groups)
    if dry:
        sys.stdout.write(text)
    elif not wrong:
        write_section("mutation", text, PAGE)
    sys.stdout.write("\n\n".join([*wrong, f"{share(total):.1%} were killed, of at least {WANTED:.0%}\n"]))
    return 1 if wrong or share(total) < WANTED else 0


def main() -> int:
    """Run it; 1 if the tests or the list of survivors leave something to be done."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="MUTANT", help="names of mutants, with *; all by default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument(
        "--last", action="store_true", help="judge the last run again: the list has changed, the code not"
    )
    parser.add_argument("--dry", action="store_true", help="print the section instead of writing it")
    chosen = parser.parse_args()
    if not chosen.last:
        sys.stdout.write(f"this takes some minutes; it works in {COPY}\n")
        sys.stdout.flush()
    if chosen.only:
        return some(chosen.only, chosen.jobs)
    return everything(chosen.jobs, last=chosen.last, dry=chosen.dry)


if __name__ == "__main__":
    sys.exit(main())
