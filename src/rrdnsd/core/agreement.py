"""How nodes agree on the next list of nodes: single-decree Paxos, once for each version.

After Lamport, "Paxos Made Simple" (2001): acceptors are the nodes of the present list, and the change that a
quorum of them accepts in one round leads to the next list. A node that is told a list takes it from there. What
nodes say is their state, not a sequence of messages: it may be lost, repeated and overtaken. Because
consecutive lists differ in one node, each quorum of one shares a node with each quorum of the other, and
because a node agrees to a change only once it has saved the list that the change is about, no quorum is left
that knows only a list before that.
"""

import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from rrdnsd.core.membership import (
    NO_ROUND,
    Accepted,
    Change,
    Proposal,
    Record,
    Round,
    Said,
    Settled,
    Start,
    Trouble,
    begin,
    refusal,
)
from rrdnsd.core.quorum import quorum

PATIENCE = 10.0
"""Seconds after which an order that no quorum has agreed to is given up."""

_BACKOFF = 0.2
_LONGEST_BACKOFF = 2.0


@dataclass(slots=True)
class _Order:
    """A change that this node was asked for. It pauses until `again_at` when another node's round came first."""

    change: Change
    until: float
    tries: int = 0
    again_at: float | None = None


class Agreement:
    """One node's part in it. One task owns it: it hears, saves what `unsaved` returns, and says what `said` returns.

    `record.nodes` is the list that counts. Times are seconds on any clock that does not jump. A node that is
    not `durable` has no disk to keep a promise on: it makes none, and only takes over what others agree on.
    """

    def __init__(self, me: str, start: Start, *, durable: bool) -> None:
        self.me = me
        self.record = start.record
        self.settled: Settled | None = None
        """How this node's last order ended; None while it is under way."""
        self._durable = durable
        self._fresh = start.fresh
        self._saved = None if start.unsaved else start.record
        self._order: _Order | None = None
        self._heard: dict[str, Said] = {}
        self._forget()

    def _forget(self) -> None:
        """Begin with the next change: what was said about the last one no longer matters."""
        self._proposal: Proposal | None = None
        self._promises: dict[str, Accepted | None] = {}
        self._accepts: dict[str, Accepted] = {}
        self._highest = NO_ROUND

    def reread(self, file: Collection[str]) -> Start:
        """Return what this node would begin with if it were started now, with such a list in its file."""
        start = begin(file, None if self._fresh else self.record)
        return start if self._fresh else replace(start, unsaved=True)

    def begun(self, start: Start) -> "Agreement":
        """Return this node's part in what begins with `start`; what it was in the middle of is forgotten."""
        return Agreement(self.me, start, durable=self._durable)

    @property
    def unsaved(self) -> Record | None:
        """What is to be saved, and then reported to `saved`; None if the disk is up to date."""
        return self.record if self._durable and self.record != self._saved else None

    @property
    def busy(self) -> bool:
        """Tell if an order is under way here, so that `tick` is to be called now and then."""
        return self._order is not None

    def said(self) -> Said:
        """Return what this node says: nothing that a restart could make it forget."""
        held = self._held()
        bound = self._proposal is not None and held.promised >= self._proposal.round
        return Said(
            base=held.base,
            version=held.version,
            nodes=held.nodes if held.version else (),
            promised=held.promised,
            accepted=held.accepted,
            proposal=self._proposal if bound else None,
            able=self._durable,
        )

    def hear(self, node: str, said: Said, now: float) -> None:
        """Take in what another node says; it need not be one of the nodes known here."""
        if self._is_news(node, said):
            self._take(Record(said.base, said.version, tuple(sorted(said.nodes))))
        if node not in self.record.nodes or node == self.me:
            return
        self._heard[node] = said
        if (said.base, said.version) == self.record.point:
            self._note(node, said)
            self._advance(now)

    def saved(self, record: Record, now: float) -> None:
        """Note that this record, which `unsaved` has returned, is on disk."""
        self._saved = record
        self._hear_itself(now)

    def propose(self, change: Change, heard: Collection[str], now: float) -> Settled | None:
        """Ask for a change. Returns why not, or None: then `settled` tells in the end what became of it.

        `heard` are the nodes that are heard now, this one included, and strangers who want to become nodes.
        """
        refused = self._refusal(change, heard)
        if refused is None:
            self.settled = None
            self._order = _Order(change, now + PATIENCE)
            self._begin_round(now)
        return refused

    def preview(self, change: Change, heard: Collection[str]) -> Settled:
        """Say what `propose` would: why not, or who must agree."""
        refused = self._refusal(change, heard)
        if refused:
            return refused
        now, then = len(self.record.nodes), len(change.applied(self.record.nodes))
        text = (
            f"{_about(change)} needs the agreement of {quorum(now)} of {now} nodes; "
            f"from then on {quorum(then)} of {then} nodes are a quorum"
        )
        return Settled("", text, self.record.version, changed=True)

    def _refusal(self, change: Change, heard: Collection[str]) -> Settled | None:
        version, nodes = self.record.version, self.record.nodes
        if self._order:
            text = f"{_about(self._order.change)} is still under way: wait for it"
            return Settled("conflict", text, version)
        if change.holds(nodes):
            text = "is a node already" if change.action == "add" else "is not a node"
            return Settled("", f"{change.node} {text}", version)
        if not change.fits(nodes):
            return Settled("conflict", f"{change.node} is the only node: there would be none left", version)
        if self.me not in nodes:
            return Settled("conflict", "this node was removed from the cluster: ask another one", version)
        if not self._durable:
            text = "this node has no state_dir, so it cannot propose a change of nodes: ask another one"
            return Settled("unavailable", text, version)
        astray = {node for node, said in self._heard.items() if said.base != self.record.base}
        text = refusal(change, nodes, {*heard} - astray)
        return Settled("unavailable", text, version) if text else None

    def tick(self, now: float) -> None:
        """Notice what is due: the next try, or the end of the patience."""
        order = self._order
        if order is None:
            return
        if now >= order.until:
            self._settle("unavailable", self._who_is_missing(order.change))
            self._order = self._proposal = None
        elif order.again_at is not None and now >= order.again_at:
            order.again_at = None
            self._begin_round(now)

    def _held(self) -> Record:
        """Return what is known here, with only those promises that are on disk."""
        record, saved = self.record, self._saved
        if saved is not None and saved.point == record.point:
            return saved
        return Record(record.base, record.version, record.nodes)

    def _is_news(self, node: str, said: Said) -> bool:
        """Tell if this is a later list than ours.

        One that is the end of another history counts for a node without a history of its own, which was
        configured to be one of these nodes.
        """
        if said.base == self.record.base:
            return said.version > self.record.version and bool(said.nodes)
        alike = set(said.nodes) == set(self.record.nodes)
        unbound = self.record.version == 0 and self.record.accepted is None
        member = node in self.record.nodes and self.me in said.nodes
        return said.version > 0 and unbound and member and (self._fresh or alike)

    def _take(self, record: Record) -> None:
        """Go on with another list."""
        self.record = replace(record, file=self.record.file)
        self._fresh = False
        self._heard = {node: said for node, said in self._heard.items() if node in record.nodes}
        self._forget()
        if not self._order:
            return
        change = self._order.change
        self._order = None
        if change.holds(record.nodes):
            self._settle("", f"{_about(change)} is agreed", changed=True)
        else:
            text = f"another change was agreed on first; the nodes are {', '.join(record.nodes)} now: look, and order again"
            self._settle("conflict", text)

    def _note(self, node: str, said: Said) -> None:
        """Keep what a node of the list has promised and accepted, and answer what it asks."""
        self._highest = max(self._highest, said.promised)
        if said.accepted and self._accepts.get(node, said.accepted).round <= said.accepted.round:
            self._accepts[node] = said.accepted
        if self._proposal and said.promised == self._proposal.round:
            self._promises.setdefault(node, said.accepted)
        if said.proposal:
            self._highest = max(self._highest, said.proposal.round)
            self._answer(said.proposal)

    def _answer(self, proposal: Proposal) -> None:
        """Promise or accept, unless a later round was promised to somebody."""
        asked, change = proposal
        if not self._durable or asked < self.record.promised:
            return
        if change is None:
            self.record = replace(self.record, promised=asked)
        elif change.fits(self.record.nodes):
            self.record = replace(self.record, promised=asked, accepted=Accepted(asked, change))

    def _advance(self, now: float) -> None:
        """See if something is agreed, or the own proposal has come a step further or lost."""
        need = quorum(len(self.record.nodes))
        accepted = Counter(self._accepts.values())
        for (_, change), count in accepted.items():
            if count >= need:
                nodes = change.applied(self.record.nodes)
                self._take(Record(self.record.base, self.record.version + 1, nodes))
                return
        proposal, order = self._proposal, self._order
        if proposal is None or order is None:
            return
        if self._highest > proposal.round:
            self._proposal = None
            order.again_at = now + self._pause(order.tries)
        elif proposal.change is None and len(self._promises) >= need:
            before = max(filter(None, self._promises.values()), default=None)
            self._proposal = Proposal(proposal.round, before.change if before else order.change)
            self._hear_itself(now)

    def _begin_round(self, now: float) -> None:
        if self._order:
            self._order.tries += 1
        highest = max(self._highest, self.record.promised)
        self._proposal = Proposal(Round(highest.number + 1, self.me))
        self._promises = {}
        self._answer(self._proposal)
        self._hear_itself(now)

    def _hear_itself(self, now: float) -> None:
        if self._proposal:
            self._answer(self._proposal)
        if self.me in self.record.nodes:
            self._note(self.me, self.said())
            self._advance(now)

    def _pause(self, tries: int) -> float:
        """Return how long to leave the field to another node: as good as random, and longer each time."""
        text = f"{self.me}|{self.record.version}|{self._highest.number}"
        chance = hashlib.blake2b(text.encode(), digest_size=1).digest()[0] / 256
        return min(_LONGEST_BACKOFF, _BACKOFF * 2.0 ** min(tries, 8)) * (0.5 + chance)

    def _settle(self, trouble: Trouble, sentence: str, *, changed: bool = False) -> None:
        self.settled = Settled(trouble, sentence, self.record.version, changed)

    def _who_is_missing(self, change: Change) -> str:
        agreed = {node for node, accepted in self._accepts.items() if accepted.change == change}
        missing = [f"{node} ({self._why(node)})" for node in self.record.nodes if node not in agreed]
        return (
            f"no quorum agreed within {PATIENCE:g} s to {_about(change)}: {quorum(len(self.record.nodes))} of "
            f"{len(self.record.nodes)} nodes are needed, and these have not agreed: {', '.join(missing)}; "
            "it may still come about"
        )

    def _why(self, node: str) -> str:
        if node == self.me:
            return "this node could not save its promise" if self.unsaved else "it waits for the others"
        said = self._heard.get(node)
        if said is None:
            return "nothing was heard of it"
        if not said.able:
            return "it has no state_dir to keep a promise in, or could not read it"
        if said.base != self.record.base:
            return "it was started with another list of nodes"
        return "it does not know the present list yet" if said.version < self.record.version else "no answer"


def _about(change: Change) -> str:
    return f"adding {change.node}" if change.action == "add" else f"removing {change.node}"
