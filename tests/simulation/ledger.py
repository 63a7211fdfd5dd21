"""What really happened, as nobody inside the cluster can know it: who believed what and when, who heard whom."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rrdnsd.core.model import EndpointKey, ProbeResult, Service, State

KEPT = 12
"""Probe results that are remembered for each endpoint; more than any threshold needs."""


@dataclass(slots=True)
class Belief:
    """A vote that a node held and that counted by its own words, from `since` to `until`."""

    state: str
    definition: str
    electorate: frozenset[str]
    since: float
    until: float = float("inf")


@dataclass(slots=True)
class Ledger:
    """Times are the world's."""

    beliefs: dict[tuple[str, EndpointKey], list[Belief]] = field(default_factory=dict)
    heard: dict[tuple[str, str], float] = field(default_factory=dict)
    results: dict[tuple[str, EndpointKey], deque[bool]] = field(default_factory=dict)
    verdicts: dict[tuple[str, EndpointKey], str] = field(default_factory=dict)

    def probed(self, node: str, results: Iterable[tuple[EndpointKey, ProbeResult]]) -> None:
        for key, result in results:
            self.results.setdefault((node, key), deque(maxlen=KEPT)).append(result.ok)

    def accepted(self, receiver: str, sender: str, made: float) -> None:
        self.heard[receiver, sender] = max(made, self.heard.get((receiver, sender), made))

    def believes(self, node: str, key: EndpointKey, belief: Belief | None, now: float) -> bool:
        """Note what a node votes from now on; returns whether that is something new."""
        held = self.beliefs.setdefault((node, key), [])
        last = held[-1] if held and held[-1].until > now else None
        if last and belief and _same(last, belief):
            return False
        if last:
            last.until = now
        if belief:
            held.append(belief)
        return True

    def died(self, node: str, now: float) -> None:
        """Forget what only the process knew; what it believed until now has been."""
        for (who, _), held in self.beliefs.items():
            if who == node and held and held[-1].until > now:
                held[-1].until = now
        for pair in [pair for pair in self.heard if pair[0] == node]:
            del self.heard[pair]
        for book in (self.results, self.verdicts):
            for place in [place for place in book if place[0] == node]:
                del book[place]

    def voters(
        self, nodes: Sequence[str], key: EndpointKey, definition: str, since: float, asked: Sequence[str]
    ) -> dict[str, set[str]]:
        """Return who of those `asked` voted what on the same question, knowing these nodes, at some moment after `since`."""
        found: dict[str, set[str]] = {"up": set(), "down": set(), "unknown": set()}
        electorate = frozenset(nodes)
        for node in asked:
            for belief in self.beliefs.get((node, key), ()):
                same = belief.definition == definition and belief.electorate == electorate
                if same and belief.until >= since:
                    found[belief.state].add(node)
        return found

    def evident(self, node: str, key: EndpointKey, service: Service, state: State) -> bool:
        """Tell if a node's probe results allow a vote that it casts now."""
        results = [*self.results.get((node, key), ())]
        if state is State.UP:
            return bool(results) and results[-1]
        failures = successes = 0
        for ok in reversed(results):
            successes = successes + 1 if ok else 0
            failures += not ok
            if successes >= service.thresholds.rise:
                break
        return bool(results) and not results[-1] and failures >= service.thresholds.fall


def _same(one: Belief, other: Belief) -> bool:
    return (one.state, one.definition, one.electorate) == (other.state, other.definition, other.electorate)
