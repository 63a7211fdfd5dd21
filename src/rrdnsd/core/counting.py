"""What the ballots on endpoints come to. Where nodes voted the same, it is found out once, and said in one shared sentence."""

from collections.abc import Sequence
from typing import NamedTuple

from rrdnsd.core import quorum
from rrdnsd.core.electorate import Electorate
from rrdnsd.core.model import State
from rrdnsd.core.quorum import Ballot

_MOST = 1000
"""Findings that are remembered; those of a mass outage are few, those of reasons that all differ are no use again."""


class Finding(NamedTuple):
    """What the ballots on one endpoint come to: UNKNOWN without a quorum, `divided` if a quorum has voted all the same."""

    state: State
    divided: bool
    reason: str


_Row = list[Ballot | None]
_Bench = tuple[tuple[str, ...], int, str]
"""The nodes whose ballots count, how many voters there are, and what they are called."""


class Counting:
    """Counts the ballots that an electorate has."""

    def __init__(self, electorate: Electorate) -> None:
        self._electorate = electorate
        self._known: dict[tuple[_Bench, tuple[int, ...]], tuple[_Row, Finding]] = {}
        """By the ballots' identities, which is why it keeps the ballots: most are one and the same object."""

    def of(self, service: str, addresses: Sequence[str]) -> list[Finding]:
        """Return what the ballots on these endpoints of a service come to."""
        if not addresses:
            return []  # nobody votes on a service that was removed
        voters, counted = self._electorate.voters, self._electorate.counted(service)
        word = "nodes" if voters.are_all(service) else "voters"
        bench = (tuple(node for node, _ in counted), len(voters.of(service)), word)
        votes = [vote for _, vote in counted]
        return [self._find(bench, [vote(address) for vote in votes]) for address in addresses]

    def _find(self, bench: _Bench, row: _Row) -> Finding:
        key = (bench, tuple(map(id, row)))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[key] = (row, _finding(bench, row))
        return known[1]


def _finding(bench: _Bench, row: _Row) -> Finding:
    nodes, voting, word = bench
    ballots = {node: ballot for node, ballot in zip(nodes, row, strict=True) if ballot}
    state = quorum.decide(ballots, voting)
    if state is State.UNKNOWN:
        return Finding(state, quorum.is_divided(ballots, voting), "")
    return Finding(state, divided=False, reason=quorum.explain(state, ballots, voting, word))
