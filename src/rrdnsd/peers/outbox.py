"""What goes out to one peer: what it has not confirmed yet, and the session with it.

Everything a message says is the state at the moment it is built, so that a lost message needs no resending:
the next one carries what the peer has not confirmed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from rrdnsd.core.calls import Call
from rrdnsd.core.ledger import Entry
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.telling import Told
from rrdnsd.peers import wire
from rrdnsd.peers.backlog import Backlog, Part
from rrdnsd.peers.base import NodeList, Voice
from rrdnsd.peers.courier import Courier

MAX_SUSPECTS = 500

MAX_TOLD = 50_000
"""Marks of what people were told that wait for a peer; what comes beyond that, it is not let know."""

MAX_CALLERS = 50_000
"""Endpoints whose last call waits for a peer; of those beyond that, it is not let know."""


class _Beat(NamedTuple):
    at: float
    trouble: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way, with what it takes to tell if it arrived."""

    body: bytes
    mac: str
    part: Part
    suspects: tuple[EndpointKey, ...]
    entries: tuple[Entry, ...] = ()
    told: tuple[Told, ...] = ()
    beats: tuple[tuple[EndpointKey, _Beat], ...] = ()


class Outbox:
    """One node's mouth towards one peer. `clock` is monotonic, `heartbeat` as in the configuration, both in seconds."""

    def __init__(
        self,
        me: str,
        peer: str,
        secret: bytes,
        voice: Voice,
        clock: Callable[[], float],
        membership: NodeList | None = None,
        heartbeat: float = 1.0,
    ) -> None:
        self._me = me
        self._peer = peer
        self._secret = secret
        self._voice = voice
        self._clock = clock
        self._membership = membership
        self._session = ""
        self._seq = 0
        self._echo: tuple[int, float] | None = None
        # Two of the three heartbeats that votes live at least.
        self._votes = Backlog(lambda: voice.table, clock, 2 * heartbeat)
        self._suspects: dict[EndpointKey, None] = {}
        self._orders = Courier(voice.ledger, clock)
        self._told: dict[tuple[str, str], Told] = {}
        self._beats: dict[EndpointKey, _Beat] = {}

    @property
    def waiting(self) -> int:
        """How many services there are of which the peer has not confirmed the news."""
        return len(self._votes)

    def voted(self, service: str, change: int) -> None:
        """Include the votes on this service until the peer confirms them; the news change the votes' total by `change`."""
        self._votes.add(service, change)

    def doubt(self) -> None:
        """Take note that votes changed without a word, so that only the digest of all can tell if the peer has them."""
        self._votes.doubt()

    def suspected(self, key: EndpointKey) -> None:
        """Include a suspicion in the next message."""
        if len(self._suspects) < MAX_SUSPECTS:
            self._suspects[key] = None

    def told(self, marks: Iterable[Told]) -> None:
        """Include what people were told until the peer confirms it."""
        for mark in marks:
            if len(self._told) < MAX_TOLD or (mark.notifier, mark.subject) in self._told:
                self._told[mark.notifier, mark.subject] = mark

    def called(self, call: Call) -> None:
        """Include the last call of an endpoint until the peer confirms it."""
        if len(self._beats) < MAX_CALLERS or call.key in self._beats:
            self._beats[call.key] = _Beat(self._clock() - call.age, call.trouble)

    def ordered(self, keys: Iterable[str]) -> None:
        """Include the orders with these keys until the peer confirms them."""
        self._orders.announce(keys)

    def knows(self, keys: Iterable[str]) -> bool:
        """Tell if the peer has confirmed all of these orders."""
        return self._orders.confirmed_all(keys)

    def may_learn(self, keys: Iterable[str]) -> bool:
        """Tell if the peer has not confirmed all of these orders, and is of a version that could."""
        return self._orders.takes and not self._orders.confirmed_all(keys)

    def build(self) -> Outgoing:
        """Make the next message."""
        part = self._votes.pick()
        entries = self._orders.pick()
        told = tuple(islice(self._told.values(), wire.MAX_TOLD))
        beats = tuple(islice(self._beats.items(), wire.MAX_BEATS))
        suspects, self._suspects = tuple(self._suspects), {}
        self._seq += 1
        request = wire.Request(
            sender=self._me,
            receiver=self._peer,
            session=self._session,
            seq=self._seq,
            echo=self._echoed(part.age),
            electorate=self._voice.electorate,
            digest=part.digest,
            abstains=self._voice.abstains[: wire.MAX_REASON],
            services={vote.service: wire.service_ballots(vote) for vote in part.votes},
            span=(part.span.after, part.span.upto) if part.span else None,
            suspects=[(key.service, key.address) for key in suspects],
            editions=dict(self._voice.editions),
            ledger=self._voice.ledger.digest,
            entries=[wire.ledger_entry(entry) for entry in entries],
            membership=wire.membership(self._membership.said) if self._membership else None,
            told=list(told),
            beats=[
                (*key, int((self._clock() - beat.at) * 1000), beat.trouble[: wire.MAX_REASON])
                for key, beat in beats
            ],
        )
        body = wire.encode(request)
        if len(body) > wire.MAX_BODY:
            request = wire.without_reasons(request)
            body = wire.encode(request)
        if len(body) > wire.MAX_BODY:
            entries, told, beats = (), (), ()
            body = wire.encode(request.model_copy(update={"entries": [], "told": [], "beats": []}))
        mac = wire.request_mac(self._secret, body)
        return Outgoing(body, mac, part, suspects, entries, told, beats)

    def _echoed(self, age: float) -> tuple[int, int] | None:
        """Return the peer's stamp and how long it was held when that was so which the message says of votes.

        The stamp may be set back, since only the sum counts, but there is nothing before 0.
        """
        if self._echo is None:
            return None
        stamp, received = self._echo
        held = int((self._clock() - received - age) * 1000)
        return (stamp, held) if held >= 0 else (max(0, stamp + held), 0)

    def confirmed(self, sent: Outgoing, body: bytes, mac: str) -> bool:
        """Take in the answer; returns True if there is more to say at once.

        Raises:
            WireError: the answer is not the peer's, or it does not know this node.

        """
        if self._secret and not wire.is_authentic(wire.reply_mac(self._secret, sent.mac, body), mac):
            raise wire.WireError("the answer is not signed with this cluster_secret")
        reply = wire.parse_reply(body)
        if reply.sender != self._peer:
            raise wire.WireError(f"the answer is from {reply.sender!r}")
        if self._membership and reply.membership:
            self._membership.heed(self._peer, reply.membership.said())
        if reply.error == wire.UNKNOWN_NODE and not reply.accepted:
            raise wire.WireError("it does not take this node for one of its peers")
        self._echo = (reply.stamp, self._clock())
        again = reply.session != self._session
        self._session = reply.session
        if again:
            self._orders.met()
        if not reply.accepted:
            self.lost(sent)
            for key in sent.suspects:
                self.suspected(key)
            return again
        self._forget(sent)
        # Only what did not fit goes on at once: endpoints call all the time, and the mesh waits for some to come together.
        calls = bool(self._beats) and len(sent.beats) == wire.MAX_BEATS
        orders = self._orders.answered(sent.entries, reply.ledger, refused=reply.error != "")
        votes = self._votes.confirmed(sent.part, wants_all=reply.want == "full")
        return votes or orders or calls or bool(self._suspects or self._told)

    def _forget(self, sent: Outgoing) -> None:
        """Drop what the peer knows now, but for what changed while the message was under way."""
        for mark in sent.told:
            if self._told.get((mark.notifier, mark.subject)) == mark:
                del self._told[mark.notifier, mark.subject]
        for key, beat in sent.beats:
            if self._beats.get(key) == beat:
                del self._beats[key]

    def lost(self, sent: Outgoing) -> None:
        """Say it again next time: nobody confirmed it.

        Suspicions are not repeated: they are only worth a probe while they are news.
        """
        self._votes.lost(sent.part)
