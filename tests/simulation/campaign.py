"""Many runs, spread over processes; a failing one tells how to replay it."""

import multiprocessing
from collections.abc import Iterable, Iterator

from simulation.world import Outcome, simulate

REPLAY = "PYTHONPATH=tests .venv/bin/python -m simulation --replay"


def failures(seeds: Iterable[int], jobs: int) -> Iterator[str]:
    """Run the seeds; yield a line for each that broke a rule, with the command that replays it."""
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from (
            told(outcome) for outcome in pool.imap_unordered(simulate, seeds, 20) if outcome.violation
        )


def told(outcome: Outcome) -> str:
    """Say what a run broke, and how to see it again."""
    return f"seed {outcome.seed}: {outcome.violation}\n  replay: {REPLAY} {outcome.seed}"
