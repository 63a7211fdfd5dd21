"""Counting votes. A majority of the *configured* voters decides, however few of them can be heard.

The three outcomes are raft's (etcd-io/raft, quorum/majority.go): a proposition is won, lost, or pending.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from rrdnsd.core.model import State


class Outcome(Enum):
    """What a count says about a proposition such as "this endpoint is down"."""

    WON = "won"
    LOST = "lost"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Ballot:
    """One node's vote on one endpoint. UNKNOWN is an abstention: it counts for neither side."""

    state: State
    reason: str = ""


@lru_cache(maxsize=1024)
def ballot(state: State, reason: str = "") -> Ballot:
    """Return a ballot; nearly all of those that nodes hold are alike, and so are one object."""
    return Ballot(state, reason)


def quorum(nodes: int) -> int:
    """How many of the configured nodes make a majority."""
    return nodes // 2 + 1


def tally(yes: int, no: int, nodes: int) -> Outcome:
    """Count a proposition: won with a quorum for it, lost once no quorum can come about any more."""
    if yes >= quorum(nodes):
        return Outcome.WON
    if nodes - no < quorum(nodes):
        return Outcome.LOST
    return Outcome.PENDING


def decide(ballots: Mapping[str, Ballot], nodes: int) -> State:
    """Return the state that a quorum agrees on, UNKNOWN if there is none."""
    states = [ballot.state for ballot in ballots.values()]
    ups, downs = states.count(State.UP), states.count(State.DOWN)
    if tally(downs, ups, nodes) is Outcome.WON:
        return State.DOWN
    if tally(ups, downs, nodes) is Outcome.WON:
        return State.UP
    return State.UNKNOWN


def is_divided(ballots: Mapping[str, Ballot], nodes: int) -> bool:
    """Tell if enough nodes have voted for a quorum, so that waiting for the first votes has an end."""
    return sum(ballot.state is not State.UNKNOWN for ballot in ballots.values()) >= quorum(nodes)


def explain(state: State, ballots: Mapping[str, Ballot], nodes: int, word: str = "nodes") -> str:
    """Say in one sentence who voted what, as logs, API and notifiers show it. `word` is what the voters are.

    "down: 2 of 3 nodes report connection refused; 10.0.0.3:3333 reports up".
    """
    if nodes == 1 and word == "nodes":
        return _alone(state, ballots)
    head = "no quorum" if state is State.UNKNOWN else str(state)
    groups: dict[str, list[str]] = {}
    for node in sorted(ballots):
        groups.setdefault(_opinion(ballots[node]), []).append(node)
    parts: list[str] = []
    for said, voters in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        who = voters[0] if len(voters) == 1 and parts else f"{len(voters)} of {nodes} {word}"
        who = who if nodes > 1 else f"{voters[0]}, the only voter,"
        verb = "reports" if len(voters) == 1 else "report"
        parts.append(f"{who} {verb} {said}")
    return f"{head}: " + ("; ".join(parts) if parts else f"none of {nodes} {word} has voted")


def _alone(state: State, ballots: Mapping[str, Ballot]) -> str:
    reason = next((ballot.reason for ballot in ballots.values()), "")
    return f"{state}: {reason}" if reason else str(state)


def _opinion(ballot: Ballot) -> str:
    if ballot.state is State.UNKNOWN:
        return f"nothing ({ballot.reason})" if ballot.reason else "nothing yet"
    return ballot.reason if ballot.state is State.DOWN and ballot.reason else str(ballot.state)
