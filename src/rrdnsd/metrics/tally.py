"""Counts of what happens, since the start. Called with every batch of probe results, so it does as little as possible."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.metrics.names import FAILOVER_BOUNDS, LAG_BOUNDS, PROBE_BOUNDS

Results = Sequence[tuple[EndpointKey, ProbeResult]]


class Distribution:
    """A histogram: how many values were at most each bound and above the one before; the last count is the rest."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


def merged(parts: Iterable[Distribution], bounds: Sequence[float]) -> Distribution:
    """Add up histograms with the same bounds."""
    whole = Distribution(bounds)
    for part in parts:
        whole.counts = [a + b for a, b in zip(whole.counts, part.counts, strict=True)]
        whole.total += part.total
    return whole


class Probed:
    """The probes of one service: the durations of those that succeeded, and how many failed."""

    __slots__ = ("durations", "failures")

    def __init__(self) -> None:
        self.durations = Distribution(PROBE_BOUNDS)
        self.failures = 0


@dataclass(slots=True)
class Tally:
    """Everything that is counted and not kept elsewhere. Keys are service, (service, state), (server, zone) or node."""

    probed: dict[str, Probed] = field(default_factory=dict)
    successes: int = 0
    failures: int = 0
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    dns_failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    repairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    served: dict[str, Distribution] = field(default_factory=dict)
    steps: dict[str, Distribution] = field(default_factory=dict)
    messages: Counter[str] = field(default_factory=Counter)
    lag: Distribution = field(default_factory=lambda: Distribution(LAG_BOUNDS))
    changed: int = 0
    heard: int = 0

    def note(self, results: Results) -> None:
        """Take in the results of one batch."""
        probed, failed = self.probed, 0
        for key, result in results:
            try:
                found = probed[key.service]
            except KeyError:
                found = probed[key.service] = Probed()
            if result.ok:
                seconds = result.timings.total
                durations = found.durations
                durations.counts[bisect_left(PROBE_BOUNDS, seconds)] += 1
                durations.total += seconds
            else:
                found.failures += 1
                failed += 1
        self.failures += failed
        self.successes += len(results) - failed

    def change(self, service: str, to: str) -> None:
        """Count a verdict that changed."""
        self.changes[service, to] += 1
        self.changed += 1

    def message(self, node: str) -> None:
        """Count a message of a peer."""
        self.messages[node] += 1
        self.heard += 1

    def step(self, name: str, seconds: float) -> None:
        """Count how long a failover took until one of its steps."""
        self.steps.setdefault(name, Distribution(FAILOVER_BOUNDS)).add(seconds)

    def serve(self, server: str, seconds: float) -> None:
        """Count how long a server took to serve what was decided."""
        self.served.setdefault(server, Distribution(FAILOVER_BOUNDS)).add(seconds)

    def keep_only(self, services: Iterable[str]) -> None:
        """Forget every other service."""
        wanted = set(services)
        for service in self.probed.keys() - wanted:
            del self.probed[service]
        for key in [key for key in self.changes if key[0] not in wanted]:
            del self.changes[key]
