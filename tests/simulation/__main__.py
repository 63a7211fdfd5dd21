"""`make simulate SEEDS=100000`, and the command that a failing seed prints."""

import argparse
import sys
import time

from simulation.campaign import failures
from simulation.mutants import MUTANTS, first_seed
from simulation.world import simulate


def say(line: str) -> None:
    """Print at once: somebody waits for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the seeds, or replay one with its trace; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many runs")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--replay", type=int, help="run this seed alone and print all that happens")
    parser.add_argument(
        "--mutants", action="store_true", help="find the first seed that catches each planted bug"
    )
    chosen = parser.parse_args()
    if chosen.mutants:
        for mutant in MUTANTS:
            say(f"{mutant.name}: {first_seed(mutant)}")
        return 0
    if chosen.replay is not None:
        outcome = simulate(chosen.replay, say)
        return 1 if outcome.violation else 0
    began = time.monotonic()
    broken = 0
    for line in failures(range(chosen.first, chosen.first + chosen.seeds), chosen.jobs):
        broken += 1
        say(line)
    say(f"{chosen.seeds} runs, {broken} broke a rule, {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
