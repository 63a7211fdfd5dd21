"""A whole campaign: storms, one after the other, until the time is over or a rule is broken."""

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from soak import campaign, growth, invariants, kinds
from soak.cycle import Run
from soak.observer import Observer, Ticker
from soak.world import building

BEGIN = 300.0
"""Seconds that three nodes may take to start on a busy machine."""
TYPICAL = 30.0
"""A storm is not begun when less is left."""


@dataclass
class Outcome:
    """What came of a campaign; moments are on the clock of `time.monotonic`."""

    seed: int
    began: float
    ended: float = 0.0
    cycles: list = field(default_factory=list)
    samples: list = field(default_factory=list)
    violations: list = field(default_factory=list)
    processes: list = field(default_factory=list)

    @property
    def growths(self):
        """What some process should not need, as sentences."""
        return list(growth.troubles(self.processes))


def run(seed, seconds, folder, say):
    """Run the storms of a seed for so long; `say` is told of each. It ends with the first rule that is broken."""
    with ExitStack() as last:
        world = last.enter_context(building(folder))
        observer = last.enter_context(closing(Observer(world.eye, world.server.host)))
        ticker = last.enter_context(closing(Ticker(world.pids)))
        sampler = last.enter_context(closing(growth.Sampler(world.nodes)))
        world.nodes[campaign.elder(seed)].set_clock("+0")
        for node in world.nodes.values():
            node.start()
        running = Run(world, observer, ticker)
        running.settle(BEGIN)
        outcome = Outcome(seed, time.monotonic())
        say(f"seed {seed}: three nodes are well; {campaign.elder(seed)} is never killed")
        while not outcome.violations and (
            not outcome.cycles or time.monotonic() + TYPICAL < outcome.began + seconds
        ):
            number = len(outcome.cycles)
            cycle = running.cycle(number, campaign.storm(seed, number), campaign.drift(seed, number))
            outcome.cycles.append(cycle)
            outcome.violations = invariants.check(cycle)
            if not outcome.violations:
                outcome.violations = _differing(world, observer, cycle)
            say(_told(cycle))
        outcome.ended = time.monotonic()
        outcome.samples = sampler.samples
    calms = [(cycle.right, cycle.still_until) for cycle in outcome.cycles if cycle.right]
    outcome.processes = growth.grown(outcome.samples, calms)
    return outcome


def _differing(world, observer, cycle):
    """See that dig is shown what the observer saw."""
    for service in kinds.SERVICES:
        seen = observer.looks[-1].served[service] or frozenset()
        shown = {*world.dig(service)} & {*kinds.ADDRESSES}
        if shown != seen:
            how = f"dig shows {sorted(shown)} for {service}, the observer saw {sorted(seen)}"
            return [invariants.Violation(cycle.still_until, "dig shows the same", how)]
    return []


def _told(cycle):
    stalls = sum(stood.fault.kind == "stall" for stood in cycle.faults)
    right = (
        "never right" if cycle.right is None else f"all right {cycle.right - cycle.ended:.1f} s after its end"
    )
    bound = f"the bound was {cycle.deadline - cycle.ended:.1f} s"
    mended = "" if cycle.mended is None else f", a change by hand mended after {cycle.mended:.1f} s"
    noise = f"; the machine stood still {stalls} times" if stalls else ""
    return f"storm {cycle.number}: {len(cycle.faults) - stalls} faults, {right} ({bound}){mended}{noise}"
