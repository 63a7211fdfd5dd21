"""Collects the ballots: this node's own, and those of every peer that counts. Says who differs and who abstains."""

from collections.abc import Callable, Iterable, Mapping

from rrdnsd.core.abstention import Abstention, Doubt
from rrdnsd.core.effects import Abstained, Effect, Mismatched, PeerChanged
from rrdnsd.core.model import EndpointKey, Service, State
from rrdnsd.core.quorum import Ballot, quorum
from rrdnsd.core.roster import Peer, Roster
from rrdnsd.core.voters import Voters
from rrdnsd.core.votes import ServiceVotes, Statement, VoteTable

Vote = Callable[[str], Ballot | None]
"""Returns a node's ballot on the endpoint with an address, None if it has cast none."""


class Electorate:
    """The nodes, their votes on the services that are configured here, and this node's trust in itself."""

    def __init__(self, me: str, nodes: Iterable[str], vote_ttl: float) -> None:
        self.roster = Roster(me, nodes, vote_ttl)
        self.voters = Voters(self.roster.nodes)
        self.abstention = Abstention()
        self._doubt = Doubt()
        self._blank = Ballot(State.UNKNOWN)
        self.mismatches: dict[tuple[str, str], str] = {}
        self._definitions: dict[str, str] = {}

    @property
    def size(self) -> int:
        """How many nodes are configured."""
        return len(self.roster.nodes)

    @property
    def abstains(self) -> str:
        """Why this node's ballots do not count; "" if they do."""
        return self._doubt.sentence

    @property
    def own(self) -> VoteTable:
        """The votes of this node."""
        return self.roster.own

    def votes_on(self, service: str) -> bool:
        """Tell if this node probes a service and votes on it."""
        return self.voters.are_all(service) or self.roster.me in self.voters.of(service)

    def voting(self, service: str) -> Iterable[tuple[str, Peer]]:
        """Return the peers that vote on a service."""
        peers = self.roster.peers
        if self.voters.are_all(service):
            return peers.items()
        return [(node, peers[node]) for node in self.voters.of(service) if node in peers]

    def configure(self, services: Mapping[str, Service]) -> list[Effect]:
        """Vote on these services from now on; the votes on endpoints that stay the same stay.

        Returns what is new about the peers that are configured differently.
        """
        self.voters.configure(services)
        for name in [*self.own.services()]:
            if name not in services:
                self.own.drop(name)
        self._definitions = {name: service.definition for name, service in services.items()}
        for name, service in services.items():
            old = self.own.get(name)
            kept = old.ballots if old and old.definition == service.definition else {}
            here = {e.address for e in service.endpoints if self.votes_on(name)}
            if old and old.definition == service.definition and kept.keys() <= here:
                continue
            ballots = {address: ballot for address, ballot in kept.items() if address in here}
            self.own.put(ServiceVotes(name, service.definition, ballots))
        for key in [*self.abstention.lonely]:
            if key.service not in services or key.address not in self.own[key.service].ballots:
                self.abstention.forget(key)
        return [e for node, peer in self.roster.peers.items() for e in self._differences(node, peer)]

    def reseat(self, nodes: Iterable[str], now: float) -> list[Effect]:
        """Go on with another list of nodes; return what is new about them. All is to be counted again."""
        before = self.roster.peers
        self.roster.reseat(nodes)
        self.voters.reseat(self.roster.nodes)
        for name in [*self.own.services()]:
            if self.own[name].ballots and not self.votes_on(name):
                self._withdraw(name)
        for key in [*self.abstention.lonely]:
            self.abstention.forget(key)
        self._compare_all(now)
        gone = before.keys() - self.roster.peers.keys()
        effects: list[Effect] = []
        for node, service in sorted(self.mismatches):
            if node in gone:
                del self.mismatches[node, service]
                effects.append(Mismatched(node, service, ""))
        lost = [node for node in sorted(gone) if before[node].counted]
        effects += [
            PeerChanged(node, counted=False, reason="it was removed from the cluster") for node in lost
        ]
        return effects + [
            e for node, peer in self.roster.peers.items() for e in self._differences(node, peer)
        ]

    def no_accord(self, service: str, now: float) -> str:
        """Say why too few nodes are told the same of a service; "" if a quorum of all nodes is.

        Where all nodes vote, a quorum of ballots shows that. Where some do, nodes that are told of different numbers of
        voters could have a quorum for each.
        """
        if self.voters.are_all(service):
            return ""
        definition = self._definitions[service]
        fresh = [p for p in self.roster.peers.values() if p.fresh(now, self.roster.vote_ttl)]
        told = [votes.definition for peer in fresh if (votes := peer.table.get(service))]
        alike = told.count(definition) + (not self.roster.removed)
        if alike >= quorum(self.size):
            return ""
        return f"no quorum: only {alike} of {self.size} nodes are heard and told the same of it"

    def vote(self, key: EndpointKey, ballot: Ballot) -> None:
        """Cast this node's vote."""
        self.own.cast(key, ballot)

    def recant(self) -> None:
        """Take all of this node's votes back: what they stood on is out of date."""
        for name in [*self.own.services()]:
            self._withdraw(name)
        for key in [*self.abstention.lonely]:
            self.abstention.forget(key)

    def ballots(self, key: EndpointKey) -> dict[str, Ballot]:
        """Return the ballots that count for an endpoint, by node: those of nobody but its voters."""
        votes = self.counted(key.service)
        return {node: ballot for node, vote in votes if (ballot := vote(key.address))}

    def counted(self, service: str) -> list[tuple[str, Vote]]:
        """Return the nodes whose ballots on a service count, with how to look them up."""
        found: list[tuple[str, Vote]] = []
        if self.abstains and self.votes_on(service):
            found.append((self.roster.me, self._abstention))
        elif not self.roster.removed:
            found.append((self.roster.me, self.own[service].ballots.get))
        for node, peer in self.voting(service):
            votes = self._answers(peer, service) if peer.counted else None
            if votes:
                found.append((node, votes.ballots.get))
        return found

    def _abstention(self, _address: str) -> Ballot:
        return self._blank

    def compare(self, keys: Iterable[EndpointKey], now: float) -> None:
        """Note which of these endpoints this node alone believes down, its abstaining peers' opinions included."""
        if self.size == 1:
            return
        heard = {node for node, peer in self.roster.peers.items() if peer.fresh(now, self.roster.vote_ttl)}
        for key in keys:
            own = self.own[key.service].ballots.get(key.address)
            lonely = False
            if own and own.state is State.DOWN:
                peers = [peer for node, peer in self.voting(key.service) if node in heard]
                tables = [votes.ballots for peer in peers if (votes := self._answers(peer, key.service))]
                states = [ballot.state for ballots in tables if (ballot := ballots.get(key.address))]
                lonely = states.count(State.UP) > states.count(State.DOWN)
            self.abstention.mark(key, lonely=lonely)

    def _withdraw(self, service: str) -> None:
        """Take this node's votes on a service back; its peers still learn that it is configured here."""
        self.own.put(ServiceVotes(service, self._definitions[service], {}))

    def _compare_all(self, now: float) -> None:
        down = [
            EndpointKey(service, address)
            for service in self.own.services()
            for address, ballot in self.own[service].ballots.items()
            if ballot.state is State.DOWN
        ]
        self.compare((*down, *self.abstention.lonely), now)

    def hear(self, statement: Statement, now: float) -> tuple[dict[str, list[EndpointKey]], list[Effect]]:
        """Take in a statement; return the services of which it says otherwise than before, and what is new about its node.

        Each service has the endpoints on which the votes differ; there are none if only another question is asked.
        """
        peer = self.roster.peers.get(statement.node)
        if peer is None:
            return {}, []
        held = peer.table.some(statement)
        before = (peer.in_step, peer.electorate_differs)
        news = statement.span is not None or any(_asks_anew(peer.table, votes) for votes in statement.votes)
        touched = self.roster.hear(statement, now)
        news = news or (peer.in_step, peer.electorate_differs) != before
        effects = self._differences(statement.node, peer) if news else []
        if not (peer.in_step or before[0]):
            return {}, effects  # its ballots count neither before nor after it, until all of them are there
        # In order: the same events shall give the same effects.
        here = sorted(touched & self._definitions.keys())
        pairs = {name: (held.get(name), peer.table.get(name)) for name in here}
        return {name: _differing(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]}, effects

    def recount(self, voted: int, now: float) -> list[Effect]:
        """Note whose ballots count now, this node's own included; any effect means: count all again."""
        effects: list[Effect] = []
        changed = self.roster.recount(now)
        if changed:
            self._compare_all(now)
        for node in changed:
            peer = self.roster.peers[node]
            effects.append(PeerChanged(node, peer.counted, "" if peer.counted else self._why_not(peer, now)))
        if self.abstention.learning_until is not None and self._everybody_heard(now):
            self.abstention.learning_until = None
        doubt = self.abstention.doubt(voted, now)
        if doubt.cause != self._doubt.cause:
            effects.append(Abstained(doubt.sentence))
        if doubt != self._doubt:
            self._doubt, self._blank = doubt, Ballot(State.UNKNOWN, doubt.sentence)
        return effects

    def _everybody_heard(self, now: float) -> bool:
        return all(peer.fresh(now, self.roster.vote_ttl) for peer in self.roster.peers.values())

    def _answers(self, peer: Peer, service: str) -> ServiceVotes | None:
        """Return a peer's votes on a service if it was asked the same question."""
        votes = peer.table.get(service)
        return votes if votes and votes.definition == self._definitions[service] else None

    def _why_not(self, peer: Peer, now: float) -> str:
        if now - peer.heard_at > self.roster.vote_ttl:
            return f"not heard for more than {self.roster.vote_ttl:g} s"
        if peer.electorate_differs:
            return "it is configured with other nodes"
        return f"it abstains: {peer.abstains}" if peer.abstains else "its votes are being fetched again"

    def _differences(self, node: str, peer: Peer) -> list[Effect]:
        """Say what is new about how a peer is configured. While its table is not known, nothing is."""
        known = {service: text for (who, service), text in self.mismatches.items() if who == node}
        found = self._compared(peer) if peer.in_step else {s: text for s, text in known.items() if s}
        if peer.electorate_differs:
            found[""] = "it is configured with other nodes: its ballots do not count"
        effects: list[Effect] = []
        for service in sorted(known.keys() | found.keys()):
            text = found.get(service, "")
            if text != known.get(service, ""):
                effects.append(Mismatched(node, service, text))
                self.mismatches[node, service] = text
            if not text:
                del self.mismatches[node, service]
        return effects

    def _compared(self, peer: Peer) -> dict[str, str]:
        """Compare the services that a peer watches with those that are configured here."""
        found: dict[str, str] = {}
        theirs = set(peer.table.services())
        for service, definition in self._definitions.items():
            if service not in theirs:
                found[service] = "it does not watch this service"
            elif peer.table[service].definition != definition:
                found[service] = "it probes this service differently: its ballots do not count"
        for service in theirs - self._definitions.keys():
            found[service] = "it watches this service, which is not configured here"
        return found


def _differing(service: str, one: ServiceVotes | None, other: ServiceVotes | None) -> list[EndpointKey]:
    """Return the endpoints of a service on which the votes differ."""
    old, new = one.ballots if one else {}, other.ballots if other else {}
    same = one is not None and other is not None and one.definition == other.definition
    addresses = dict.fromkeys((*old, *new))
    return [EndpointKey(service, a) for a in addresses if not same or old.get(a) != new.get(a)]


def _asks_anew(table: VoteTable, votes: ServiceVotes) -> bool:
    """Tell if these votes answer another question than the ones before."""
    old = table.get(votes.service)
    return old is None or old.definition != votes.definition
