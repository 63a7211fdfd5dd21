"""The configured nodes and what is known of each: whose ballots count, who may write first.

A peer's ballots count only while all of this holds: it was heard within `vote_ttl`, the table we hold of it
has the digest it last stated, it is configured with the same nodes, and it does not abstain.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rrdnsd.core.quorum import quorum
from rrdnsd.core.rendezvous import weight
from rrdnsd.core.votes import Statement, VoteTable, electorate_digest

NEVER = float("-inf")


@dataclass(slots=True)
class Peer:
    """What is known of one other node. Times are on this node's clock."""

    table: VoteTable = field(default_factory=VoteTable)
    heard_at: float = NEVER
    in_step: bool = False
    electorate: str = ""
    electorate_differs: bool = False
    abstains: str = ""
    counted: bool = False

    @property
    def ever_heard(self) -> bool:
        """Tell if anything was heard of it that still counts as history."""
        return self.heard_at > NEVER

    def fresh(self, now: float, vote_ttl: float) -> bool:
        """Tell if it was heard recently and its table is the one we hold."""
        return self.in_step and not self.electorate_differs and now - self.heard_at <= vote_ttl


class Roster:
    """Every node of the cluster, as this node sees it."""

    def __init__(self, me: str, nodes: Iterable[str], vote_ttl: float) -> None:
        self.me = me
        self.nodes = tuple(sorted(nodes))
        self.vote_ttl = vote_ttl
        self.electorate = electorate_digest(self.nodes)
        self.own = VoteTable()
        self._peers = {node: Peer() for node in self.nodes if node != me}
        self._history = NEVER
        self.heard: tuple[str, ...] = ()
        """The peers that were heard when it was last looked whose ballots count."""

    @property
    def peers(self) -> Mapping[str, Peer]:
        """The other nodes."""
        return self._peers

    @property
    def removed(self) -> bool:
        """Tell if this node is not, or no longer, one of them."""
        return self.me not in self.nodes

    def reseat(self, nodes: Iterable[str]) -> None:
        """Go on with another list of nodes. What is known of a peer that stays is kept."""
        self.nodes = tuple(sorted(nodes))
        self.electorate = electorate_digest(self.nodes)
        known = self._peers
        self._peers = {node: known.get(node) or Peer() for node in self.nodes if node != self.me}
        for peer in self._peers.values():
            peer.electorate_differs = peer.electorate not in ("", self.electorate)

    def hear(self, statement: Statement, now: float) -> set[str]:
        """Take in a statement; return the services whose ballots may have changed.

        A statement that is older than `vote_ttl`, or was made before `forget`, tells nothing about the present
        and is dropped.
        """
        peer = self._peers.get(statement.node)
        if peer is None or statement.said_at < max(now - self.vote_ttl, self._history):
            return set()
        touched = peer.table.hear(statement)
        peer.in_step = peer.table.digest == statement.digest
        peer.electorate = statement.electorate
        peer.electorate_differs = peer.electorate != self.electorate
        peer.abstains = statement.abstains
        peer.heard_at = max(peer.heard_at, statement.said_at)
        return touched

    def recount(self, now: float) -> list[str]:
        """Note whose ballots count now; return the nodes for which that changed."""
        changed, heard = [], []
        for node, peer in self._peers.items():
            fresh = peer.fresh(now, self.vote_ttl)
            if fresh:
                heard.append(node)
            counted = fresh and not peer.abstains
            if counted is not peer.counted:
                peer.counted = counted
                changed.append(node)
        self.heard = tuple(heard)
        return changed

    def fresh_nodes(self, now: float) -> int:
        """Count the nodes that are heard, this one included."""
        return (not self.removed) + sum(peer.fresh(now, self.vote_ttl) for peer in self._peers.values())

    def no_quorum(self, now: float) -> str:
        """Say why nothing may be written, "" if a quorum of the configured nodes is heard."""
        if self.removed:
            return f"this node was removed from the cluster, which is {', '.join(self.nodes)} now: stop it"
        heard = self.fresh_nodes(now)
        if heard >= quorum(len(self.nodes)):
            return ""
        return f"no quorum: only {heard} of {len(self.nodes)} nodes heard"

    def forget(self, now: float) -> None:
        """Drop everything that was said before `now`: time has passed that this node did not live through.

        What arrived meanwhile and waits to be read is dropped as well: newer words may wait behind it.
        """
        self._history = now
        for peer in self._peers.values():
            peer.heard_at = NEVER

    def rank(self, subject: str, now: float, *, abstaining: bool) -> int:
        """Return this node's place among the writers of a subject: 0 writes at once.

        Rendezvous hashing over the nodes that are heard: when one goes away, only what it wrote moves. A node
        that abstains comes last.
        """
        live = [n for n, peer in self._peers.items() if peer.fresh(now, self.vote_ttl) and not peer.abstains]
        if abstaining:
            return len(live)
        mine = weight(self.me, subject)
        return sum(weight(node, subject) > mine for node in live)

    def writers(self, subject: str, now: float, *, abstaining: bool) -> list[str]:
        """Return the nodes that may write a subject, in their order as this node sees it; see `rank`."""
        live = [n for n, peer in self._peers.items() if peer.fresh(now, self.vote_ttl) and not peer.abstains]
        if not abstaining:
            live.append(self.me)
        ordered = sorted(live, key=lambda node: weight(node, subject), reverse=True)
        return [*ordered, self.me] if abstaining else ordered
