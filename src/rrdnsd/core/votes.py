"""What nodes say to each other, as data, and the table of one node's votes with its running digest.

A table is compared by digest; it is corrected by statements, each of which is either a change of some
services or the whole truth about a span of service names. Applying either is idempotent.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rrdnsd.core.calls import Call
from rrdnsd.core.ledger import Entry
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.telling import Told

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class ServiceVotes:
    """One node's votes on one service. `definition` is the digest of what it was told to probe."""

    service: str
    definition: str
    ballots: Mapping[str, Ballot]


@dataclass(frozen=True, slots=True)
class Span:
    """Service names after `after`, up to and including `upto`; None means to the end."""

    after: str = ""
    upto: str | None = None

    def __contains__(self, service: str) -> bool:
        """Tell if a name lies in the span."""
        return service > self.after and (self.upto is None or service <= self.upto)


@dataclass(frozen=True, slots=True)
class Statement:
    """One message of a node, as the core sees it.

    `said_at` is on the receiver's clock and never later than the moment the sender made the statement.
    `electorate` is the digest of the nodes it is configured with. `digest` is that of its whole table after
    this statement. With a `span` the votes are all there are for these services. `abstains` is why its
    ballots do not count, "" if they do. `suspects` are endpoints it has just seen failing. `editions` are
    the SOA serial and content digest of each zone that it serves itself. `ledger` is the digest of its whole
    ledger, "" if it knows nothing of orders, and `entries` are orders that it does not know us to have. `told` is
    what people were told of late. `beats` are calls that endpoints have made at that node, with their age at
    `said_at`.
    """

    node: str
    said_at: float
    electorate: str
    digest: str
    votes: tuple[ServiceVotes, ...] = ()
    span: Span | None = None
    abstains: str = ""
    suspects: tuple[EndpointKey, ...] = ()
    editions: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    ledger: str = ""
    entries: tuple[Entry, ...] = ()
    told: tuple[Told, ...] = ()
    beats: tuple[Call, ...] = ()


@dataclass(slots=True)
class VoteTable:
    """All votes of one node. The digest is a sum of entry hashes, so that a change costs one hash."""

    _services: dict[str, ServiceVotes] = field(default_factory=dict)
    _sum: int = 0

    @property
    def digest(self) -> str:
        """The digest of everything in the table except the reasons."""
        return f"{self._sum:032x}"

    def __getitem__(self, service: str) -> ServiceVotes:
        """Return the votes on a service that is in the table."""
        return self._services[service]

    def get(self, service: str) -> ServiceVotes | None:
        """Return the votes on a service, None if the node does not know it."""
        return self._services.get(service)

    def services(self) -> Iterable[str]:
        """Return the names of the services the node knows."""
        return self._services.keys()

    def put(self, votes: ServiceVotes) -> None:
        """Set the votes on one service."""
        self.drop(votes.service)
        self._services[votes.service] = votes
        self._shift(votes, 1)

    def drop(self, service: str) -> None:
        """Forget a service."""
        old = self._services.pop(service, None)
        if old:
            self._shift(old, -1)

    def cast(self, key: EndpointKey, ballot: Ballot) -> None:
        """Set the vote on one endpoint of a service that is in the table."""
        service, votes = key.service, self._services[key.service]
        old = votes.ballots.get(key.address, Ballot(State.UNKNOWN))
        self._add(_entry(service, votes.definition, key.address, ballot.state))
        self._add(-_entry(service, votes.definition, key.address, old.state))
        self._services[service] = ServiceVotes(
            service, votes.definition, {**votes.ballots, key.address: ballot}
        )

    def hear(self, statement: Statement) -> set[str]:
        """Take in what the node said; return the services that this is about."""
        touched = {votes.service for votes in statement.votes}
        if statement.span is not None:
            gone = {name for name in self._services if name in statement.span} - touched
            for name in gone:
                self.drop(name)
            touched |= gone
        for votes in statement.votes:
            self.put(votes)
        return touched

    def page(self, after: str, limit: int) -> tuple[tuple[ServiceVotes, ...], Span]:
        """Return the next services in order of name, about `limit` endpoints of them, and their span."""
        chosen: list[ServiceVotes] = []
        size = 0
        for name in sorted(name for name in self._services if name > after):
            if size >= limit:
                return tuple(chosen), Span(after, chosen[-1].service)
            chosen.append(self._services[name])
            size += len(self._services[name].ballots) + 1
        return tuple(chosen), Span(after, None)

    def _shift(self, votes: ServiceVotes, sign: int) -> None:
        total = sum(_entry(votes.service, votes.definition, a, b.state) for a, b in votes.ballots.items())
        self._add(sign * (total + _entry(votes.service, votes.definition, "", State.UNKNOWN)))

    def _add(self, number: int) -> None:
        self._sum = (self._sum + number) % (1 << 8 * _DIGEST_BYTES)


def electorate_digest(nodes: Iterable[str]) -> str:
    """Digest the list of configured nodes; the order does not matter."""
    return hashlib.blake2b("\n".join(sorted(nodes)).encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _entry(service: str, definition: str, address: str, state: State) -> int:
    if address and state is State.UNKNOWN:
        return 0  # an abstention is the same as no vote
    text = f"{service}|{definition}|{address}|{state}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest())
