"""What nodes say to each other, as data, and the table of one node's votes with its running digest.

A table is compared by digest; it is corrected by statements, each of which is either a change of some
services or the whole truth about a span of service names. Applying either is idempotent.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from rrdnsd.core.calls import Call
from rrdnsd.core.ledger import Entry
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.telling import Told

_DIGEST_BYTES = 16
_MODULUS = 1 << 8 * _DIGEST_BYTES


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
    _order: list[str] | None = None
    """The names in order; None while nobody has asked since they changed."""
    rewrites: int = 0
    """How often votes on a service were set or dropped as a whole, and not cast one by one."""

    @property
    def total(self) -> int:
        """The digest as a number: that of a table is the sum of those of its services, and of a change their difference."""
        return self._sum

    @property
    def digest(self) -> str:
        """The digest of everything in the table except the reasons."""
        return self.digest_before(0)

    def digest_before(self, change: int) -> str:
        """Return the digest that the table would have without some changes, whose totals add up to `change`."""
        return f"{(self._sum - change) % _MODULUS:032x}"

    def copy(self) -> "VoteTable":
        """Return another table with the same votes."""
        return VoteTable(dict(self._services), self._sum)

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
        old = self._services.get(votes.service)
        if old is None:
            self._order = None
        self._services[votes.service] = votes
        self.rewrites += 1
        self._add(_change(old, votes))

    def drop(self, service: str) -> None:
        """Forget a service."""
        old = self._services.pop(service, None)
        if old:
            self._order = None
            self.rewrites += 1
            self._add(-_total(old))

    def cast(self, key: EndpointKey, ballot: Ballot) -> None:
        """Set the vote on one endpoint of a service that is in the table."""
        service, votes = key.service, self._services[key.service]
        old = votes.ballots.get(key.address, Ballot(State.UNKNOWN))
        self._add(_entry(service, votes.definition, key.address, ballot.state))
        self._add(-_entry(service, votes.definition, key.address, old.state))
        self._services[service] = ServiceVotes(
            service, votes.definition, {**votes.ballots, key.address: ballot}
        )

    def some(self, statement: Statement) -> dict[str, ServiceVotes]:
        """Return the votes that are here on the services that a statement is about."""
        names = {votes.service for votes in statement.votes} & self._services.keys()
        return {name: self._services[name] for name in names.union(self._within(statement.span))}

    def hear(self, statement: Statement) -> set[str]:
        """Take in what the node said; return the services that this is about."""
        touched = {votes.service for votes in statement.votes}
        for name in self._within(statement.span):
            if name not in touched:
                self.drop(name)
                touched.add(name)
        for votes in statement.votes:
            self.put(votes)
        return touched

    def page(self, after: str, limit: int) -> tuple[tuple[ServiceVotes, ...], Span]:
        """Return the next services in order of name, about `limit` endpoints of them, and their span."""
        chosen: list[ServiceVotes] = []
        size = 0
        order = self._names()
        for name in islice(order, bisect_right(order, after), None):
            if size >= limit:
                return tuple(chosen), Span(after, chosen[-1].service)
            chosen.append(self._services[name])
            size += len(chosen[-1].ballots) + 1
        return tuple(chosen), Span(after, None)

    def _names(self) -> list[str]:
        if self._order is None:
            self._order = sorted(self._services)
        return self._order

    def _within(self, span: Span | None) -> list[str]:
        if span is None:
            return []
        order = self._names()
        end = None if span.upto is None else bisect_right(order, span.upto)
        return order[bisect_right(order, span.after) : end]

    def _add(self, number: int) -> None:
        self._sum = (self._sum + number) % _MODULUS


def electorate_digest(nodes: Iterable[str]) -> str:
    """Digest the list of configured nodes; the order does not matter."""
    return hashlib.blake2b("\n".join(sorted(nodes)).encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _total(votes: ServiceVotes) -> int:
    total = sum(_entry(votes.service, votes.definition, a, b.state) for a, b in votes.ballots.items())
    return total + _entry(votes.service, votes.definition, "", State.UNKNOWN)


def _change(old: ServiceVotes | None, new: ServiceVotes) -> int:
    """Return what the sum of a table changes by. Mostly one vote of many is another one, and only that is hashed."""
    if old is None or old.definition != new.definition:
        return _total(new) - (_total(old) if old else 0)
    change = 0
    for address in old.ballots.keys() | new.ballots.keys():
        was, now = _state(old, address), _state(new, address)
        if was is not now:
            change += _entry(new.service, new.definition, address, now)
            change -= _entry(new.service, new.definition, address, was)
    return change


def _state(votes: ServiceVotes, address: str) -> State:
    ballot = votes.ballots.get(address)
    return ballot.state if ballot else State.UNKNOWN


def _entry(service: str, definition: str, address: str, state: State) -> int:
    if address and state is State.UNKNOWN:
        return 0  # an abstention is the same as no vote
    text = f"{service}|{definition}|{address}|{state}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest())
