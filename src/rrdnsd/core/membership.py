"""The list of nodes as something that can change: its versions, what a change is, and what nodes say about it.

Version 0 is the list in the configuration file. Each further version has one node more or one fewer, and is
agreed upon by a quorum of the version before it (core/agreement.py tells how).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from rrdnsd.core.quorum import quorum
from rrdnsd.core.votes import electorate_digest

Action = Literal["add", "remove"]
Trouble = Literal["", "conflict", "unavailable"]


class Change(NamedTuple):
    """One node more, or one fewer."""

    action: Action
    node: str

    def applied(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """Return the list after the change, sorted."""
        left = {node for node in nodes if node != self.node}
        return tuple(sorted(left | {self.node} if self.action == "add" else left))

    def holds(self, nodes: Collection[str]) -> bool:
        """Tell if the list is already as the change would make it, as far as its node is concerned."""
        return (self.node in nodes) == (self.action == "add")

    def fits(self, nodes: Collection[str]) -> bool:
        """Tell if the change leads from this list to another one that is not empty."""
        return not self.holds(nodes) and bool(self.applied(nodes))


class Round(NamedTuple):
    """An attempt to reach agreement. No two nodes make the same one; a later one takes precedence."""

    number: int
    node: str


NO_ROUND = Round(0, "")


class Accepted(NamedTuple):
    """A change that a node has agreed to, and in which round."""

    round: Round
    change: Change


class Proposal(NamedTuple):
    """What a node asks of the others: to promise it this round, or, with a change, to accept that in it."""

    round: Round
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What a node must not forget. `base` is the digest of the list that version 0 was.

    `promised` and `accepted` are about the change from `version` to the next one: earlier rounds than
    `promised` are refused. `file` is the digest of the list in the configuration file as it was read last.
    """

    base: str
    version: int
    nodes: tuple[str, ...]
    promised: Round = NO_ROUND
    accepted: Accepted | None = None
    file: str = ""

    @property
    def point(self) -> tuple[str, int]:
        """What the next change is about: the same point of the same history."""
        return self.base, self.version


@dataclass(frozen=True, slots=True)
class Said:
    """What a node says about the list of nodes in each of its messages. All of it but the proposal stays true for ever.

    `nodes` is empty at version 0: `base` says it. `able` is False for a node that cannot promise anything
    because a restart would make it forget.
    """

    base: str
    version: int = 0
    nodes: tuple[str, ...] = ()
    promised: Round = NO_ROUND
    accepted: Accepted | None = None
    proposal: Proposal | None = None
    able: bool = True


@dataclass(frozen=True, slots=True)
class Settled:
    """How an order to change the nodes ended.

    `trouble` is "" if the list is as it was ordered; `changed` is False if it was so before. The sentence is
    for the operator. After "unavailable" the change may still come about.
    """

    trouble: Trouble
    sentence: str
    version: int
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """What a node begins with.

    `fresh` means that it has never known of a change, `unsaved` that the record on disk is to be replaced.
    `notice` is for the operator, "" if there is nothing to say.
    """

    record: Record
    fresh: bool = False
    unsaved: bool = False
    notice: str = ""


def begin(file: Collection[str], kept: Record | None) -> Start:
    """Choose between the nodes in the configuration file and the record on disk, None if there is none.

    The record counts while the file is what it was, or lists what was agreed on. Any other file was edited by
    hand since, and begins a history of its own.
    """
    digest = electorate_digest(file)
    here = Record(digest, 0, tuple(sorted(file)), file=digest)
    if kept is None:
        return Start(here, fresh=True)
    if set(file) == set(kept.nodes):
        return Start(replace(kept, file=digest), unsaved=kept.file != digest)
    if kept.file == digest:
        text = (
            f"the nodes are those that were agreed on since the configuration file was written: "
            f"{_listed(kept.nodes)} (version {kept.version}); the file lists {_listed(here.nodes)}"
        )
        return Start(kept, notice=text)
    text = (
        f"`nodes` was edited in the configuration file, which counts: {_listed(here.nodes)}; what was agreed on "
        f"before is forgotten: {_listed(kept.nodes)} (version {kept.version})"
    )
    return Start(here, unsaved=True, notice=text)


def refusal(change: Change, nodes: Collection[str], heard: Collection[str]) -> str:
    """Say why a change that fits would stop the cluster, "" if it would not.

    `heard` are the nodes that are heard now, and strangers who want to become nodes; this node is one of them.
    """
    present = sum(node in heard for node in nodes)
    if present < quorum(len(nodes)):
        return f"only {present} of {len(nodes)} nodes are heard: no quorum can agree"
    after = change.applied(nodes)
    left = sum(node in heard for node in after)
    if left >= quorum(len(after)):
        return ""
    if change.action == "add":  # a node that is heard cannot make the others too few
        return (
            f"{change.node} is not heard, and without it only {left} of {len(after)} nodes would be: no quorum; "
            f"start it first, with itself and the present nodes under `nodes`"
        )
    return f"only {left} of then {len(after)} nodes are heard: there would be no quorum"


def _listed(nodes: Iterable[str]) -> str:
    return ", ".join(sorted(nodes))
