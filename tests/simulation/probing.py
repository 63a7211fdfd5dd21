"""Simulated probes: what an endpoint answers and when, in the place of `probes.runner`."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.probes.base import OnResults, Probe
from simulation.faults import Conditions
from simulation.kernel import ProcessLoop

QUICK = 0.02
"""Seconds at most until an endpoint answers or refuses."""

_FINE = ProbeResult(ok=True, reason="", timings=Timings(0.01))
_REFUSED = ProbeResult(ok=False, reason="connection refused", timings=Timings(0.01))
_SILENT = ProbeResult(ok=False, reason="timeout", timings=Timings(0.01))


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedProbe:
    """What the scheduler knows of a probe."""

    key: EndpointKey
    timeout: float

    def close(self) -> None:
        """Nothing is kept."""


class SimulatedRunner:
    """Asks endpoints for one node."""

    busy = 0.0
    waiting = 0

    def __init__(
        self, me: str, loop: ProcessLoop, rng: Random, conditions: Conditions, take: OnResults
    ) -> None:
        self._me = me
        self._loop = loop
        self._rng = rng
        self._conditions = conditions
        self._take = take

    def start(self, probes: Sequence[Probe]) -> None:
        """Answer quick ones together, silent ones after their timeout."""
        quick: list[tuple[Probe, ProbeResult]] = []
        silent: list[tuple[Probe, ProbeResult]] = []
        for probe in probes:
            trouble, share = self._conditions.endpoint(probe.key, self._me)
            if not trouble or self._rng.random() >= share:
                quick.append((probe, _FINE))
            elif trouble == "refuse":
                quick.append((probe, _REFUSED))
            else:
                silent.append((probe, _SILENT))
        if quick:
            self._loop.call_later(self._rng.uniform(0.001, QUICK), self._take, quick)
        if silent:
            self._loop.call_later(silent[0][0].timeout, self._take, silent)

    async def close(self) -> None:
        """Nothing is open."""
