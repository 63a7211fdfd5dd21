"""Two nodes' message handling joined by a channel that loses, delays, repeats and reorders, on a clock that a test moves."""

from dataclasses import dataclass, field

from rrdnsd.core.ledger import Ledger
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.roster import Roster
from rrdnsd.core.votes import ServiceVotes, VoteTable, electorate_digest
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import CONFLICT, OK, Inbox
from rrdnsd.peers.news import News
from rrdnsd.peers.outbox import Outbox

A, B, C = "10.0.0.1:3333", "10.0.0.2:3333", "10.0.0.3:3333"
NODES = (A, B, C)
SECRET = b"correct horse battery staple"
UP, DOWN = Ballot(State.UP), Ballot(State.DOWN, "connection refused")


def services(*names, endpoints=2, definition="d"):
    """Votes on some services, all of them up."""
    return [
        ServiceVotes(name, definition, {f"192.0.2.{number}": UP for number in range(1, endpoints + 1)})
        for name in names
    ]


def content(table):
    """A table without its reasons, which no digest covers."""
    return {
        name: (table[name].definition, {a: b.state for a, b in table[name].ballots.items()})
        for name in table.services()
    }


@dataclass
class Words:
    """What a node has to say: `rrdnsd.peers.base.Voice`."""

    table: VoteTable = field(default_factory=VoteTable)
    electorate: str = electorate_digest(NODES)
    abstains: str = ""
    editions: dict = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)


class Speaker:
    """The sending end at node A. Like the mesh, it has one message under way at a time."""

    def __init__(self, words, clock):
        self.words = words
        self._clock = clock
        self._news = News(lambda: words.table)
        self.restart()

    def restart(self):
        self.outbox = Outbox(A, B, SECRET, self.words, self._clock)

    def build(self):
        """Build a message as the mesh does."""
        if not self._news.complete():
            self.outbox.doubt()
        return self.outbox.build()

    def put(self, votes):
        self.words.table.put(votes)
        self._voted(votes.service)

    def drop(self, service):
        self.words.table.drop(service)
        self._voted(service)

    def vote(self, service, address, ballot):
        self.words.table.cast(EndpointKey(service, address), ballot)
        self._voted(service)

    def _voted(self, service):
        self.outbox.voted(service, self._news.of(service))


class Listener:
    """The receiving end at node B: the real inbox and the real roster."""

    def __init__(self, clock, vote_ttl=4.0):
        self._clock = clock
        self._vote_ttl = vote_ttl
        self.restart()

    def restart(self):
        self.roster = Roster(B, NODES, self._vote_ttl)
        self.ledger = Ledger()
        self.statements = []
        self.inbox = Inbox(B, NODES, SECRET, self._listen, self._clock)

    def _listen(self, statement):
        self.statements.append(statement)
        self.roster.hear(statement, self._clock())
        self.ledger.merge(statement.entries)
        refused = "the ledger is full" if self.ledger.lacks(statement.entries) else ""
        return Receipt(self.peer.in_step, self.ledger.digest, refused)

    @property
    def peer(self):
        return self.roster.peers[A]


class Link:
    """The channel between A and B. `now` is the true time; the nodes' clocks are `offset` seconds from it.

    `made` remembers when each message really was built, by its MAC.
    """

    def __init__(self, offset_a=0.0, offset_b=0.0, vote_ttl=4.0):
        self.now = 1000.0
        self.offset_b = offset_b
        self.speaker = Speaker(Words(), lambda: self.now + offset_a)
        self.listener = Listener(lambda: self.now + offset_b, vote_ttl)
        self.sent = None
        self.seen = []
        self.replies = []
        self.made = {}
        self.largest = 0

    def send(self):
        """Build a message; whatever was under way before counts as lost."""
        self.give_up()
        self.sent = self.speaker.build()
        self.seen.append(self.sent)
        self.made[self.sent.mac] = self.now
        self.largest = max(self.largest, len(self.sent.body))

    def deliver(self, which=-1):
        """Let B have any message that was ever sent; its answer waits if A still waits for it."""
        if not self.seen:
            return None
        message = self.seen[which % len(self.seen)]
        known = len(self.listener.statements)
        answer = self.listener.inbox.receive(message.body, message.mac)
        for statement in self.listener.statements[known:]:
            assert statement.said_at <= self.made[message.mac] + self.offset_b + 1e-6
        if message is self.sent:
            self.replies.append(answer)
        return answer

    def reply(self, which=-1):
        """Let A have an answer to the message that is under way; returns whether it has more to say at once."""
        if self.sent is None or not self.replies:
            return False
        answer = self.replies[which % len(self.replies)]
        assert answer.status in {OK, CONFLICT}
        sent, self.sent, self.replies = self.sent, None, []
        return self.speaker.outbox.confirmed(sent, answer.body, answer.mac)

    def give_up(self):
        if self.sent:
            self.speaker.outbox.lost(self.sent)
        self.sent, self.replies = None, []

    def wait(self, seconds):
        self.now += seconds

    def restart_sender(self):
        self.give_up()
        self.speaker.restart()

    def restart_receiver(self):
        self.replies = []
        self.listener.restart()

    def exchange(self, delay=0.001):
        """One message and its answer, both arriving; returns whether more is to be said at once."""
        self.send()
        self.now += delay
        self.deliver()
        self.now += delay
        return self.reply()

    def heal(self, heartbeats=3, most=200):
        """Talk as the mesh does over a channel that works; returns how many messages it took."""
        count = 0
        for _ in range(heartbeats):
            while True:
                count += 1
                assert count < most
                if not self.exchange():
                    break
            self.now += 1.0
        return count


def in_step(link):
    """Whether B holds exactly what A says."""
    same = content(link.listener.peer.table) == content(link.speaker.words.table)
    return same and link.listener.peer.in_step
