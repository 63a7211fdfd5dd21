"""`make soak MINUTES=30 SEED=7`: three nodes under faults for so long, watched from outside. Needs root."""

import argparse
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

from soak import plot, report
from soak.run import run
from support import netns

LONG = 30.0
"""A run of so many minutes is recorded in docs/reliability.md."""


def say(line):
    """Print at once: somebody waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main():
    """Run the campaign; 1 if a rule was broken, 2 if it cannot be run here."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long")
    parser.add_argument("--seed", type=int, default=None, help="the campaign; by default one at random")
    parser.add_argument("--folder", type=Path, default=Path("artifacts/soak"), help="for logs and plots")
    parser.add_argument(
        "--record", action="store_true", help="write the result into docs/ however short it is"
    )
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        say("network namespaces and a small disk need root; run: sudo make soak")
        return 2
    if obstacle := netns.obstacle():
        say(f"{obstacle}; tools/system-packages installs what is needed")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = secrets.randbelow(10**6) if chosen.seed is None else chosen.seed
    shutil.rmtree(chosen.folder, ignore_errors=True)
    chosen.folder.mkdir(parents=True)
    outcome = run(seed, 60 * chosen.minutes, chosen.folder.resolve(), say)
    plot.timeline(outcome, chosen.folder / "soak-timeline.svg")
    plot.growth(outcome, chosen.folder / "soak-growth.svg")
    say(report.summary(outcome))
    if failed := report.failure(outcome, chosen.folder):
        say(failed)
        return 1
    if chosen.record or chosen.minutes >= LONG:
        from soak.recording import record  # noqa: PLC0415 - needs bench/ on the path, which a run that is not recorded does not

        record(outcome)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted; all of it is removed")
        sys.exit(130)
