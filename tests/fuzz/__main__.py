"""`make fuzz SECONDS=600`: every target for so long, one after the other; FUZZ=dns_query for one of them.

Ten minutes of every target, or any run of them all with --record, are written into docs/reliability.md.
"""

import argparse
import sys
from pathlib import Path

from fuzz.campaign import run
from fuzz.targets import NAMES

LONG = 600
"""A run of all targets for so many seconds each is recorded."""


def main() -> int:
    """Fuzz; 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="TARGET", help=f"one of {', '.join(NAMES)}; all by default"
    )
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument(
        "--findings", type=Path, default=Path("artifacts/fuzz"), help="where what is found goes"
    )
    parser.add_argument(
        "--record", action="store_true", help="write the result into docs/ however short it is"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(NAMES):
        parser.error(f"{', '.join(sorted(unknown))}: no such target; there are {', '.join(NAMES)}")
    failed, outcomes = False, {}
    for name in chosen.names or NAMES:
        outcomes[name] = outcome = run(name, chosen.seconds, chosen.findings)
        said = (
            "nothing found" if outcome.clean else f"FOUND {', '.join(map(str, outcome.found)) or 'a failure'}"
        )
        memory = f"{outcome.warm:.0f} MB warm, {outcome.peak:.0f} MB at the most"
        sys.stdout.write(f"{name}: {said}; {outcome.runs} inputs in {chosen.seconds} s; {memory}\n")
        sys.stdout.flush()
        if not outcome.clean:
            failed = True
            sys.stdout.write(outcome.log[-6000:])
    if chosen.record or chosen.seconds >= LONG:
        if {*outcomes} == {*NAMES}:
            from fuzz.recording import record  # noqa: PLC0415 - needs bench/ on the path, which other runs do not

            record(outcomes, chosen.seconds)
        else:
            sys.stdout.write("not recorded in docs/reliability.md: only a run of all targets is\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
