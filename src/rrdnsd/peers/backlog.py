"""Which of this node's votes one peer has not confirmed: news of services, and pages of all of them where digests differ.

A message need not have room for all that is new. What it then states is not the digest of the votes as they are, which
the peer could not have after it, but of those that it will have; and as the moment at which it states that, when the
oldest news that it leaves out came. Everything was so then. So a peer's ballots go on counting while much
changes at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rrdnsd.core.votes import ServiceVotes, Span, VoteTable
from rrdnsd.peers import wire


class Change(NamedTuple):
    """News of a service: what they change the total of the votes by, and since when they wait."""

    total: int
    since: float


@dataclass(frozen=True, slots=True)
class Part:
    """What a message says of votes. `digest` is that of all votes that the peer has with it, as they were `age` seconds ago.

    `changes` are the news among it. `complete` means that there are no others.
    """

    votes: tuple[ServiceVotes, ...]
    span: Span | None
    changes: Mapping[str, Change]
    digest: str
    age: float
    complete: bool


class Backlog:
    """One peer's. `clock` is monotonic and `patience` how old a statement may be, both in seconds."""

    def __init__(self, table: Callable[[], VoteTable], clock: Callable[[], float], patience: float) -> None:
        self._table = table
        self._clock = clock
        self._patience = patience
        self._news: dict[str, Change] = {}
        self._total = 0
        self._certain = False
        """Whether the peer is known to have all votes but for the news."""
        self._page_after: str | None = None
        """Where the next page of all votes begins; None when the peer does not want them."""

    def __len__(self) -> int:
        """Count the services of which the peer has not confirmed the news."""
        return len(self._news)

    def add(self, service: str, total: int) -> None:
        """Tell of a service until the peer confirms it; the news change the total of the votes by `total`."""
        self._put(service, Change(total, self._clock()))

    def doubt(self) -> None:
        """Take note that votes changed without an `add`, so that only the digest of all can tell if the peer has them."""
        self._certain = False

    def pick(self) -> Part:
        """Return what the next message says."""
        votes, span = self._chosen()
        changes = {vote.service: self._news.pop(vote.service) for vote in votes if vote.service in self._news}
        self._total -= sum(change.total for change in changes.values())
        age = self._clock() - next(iter(self._news.values())).since if self._news else 0.0
        behind = self._certain and span is None and age <= self._patience
        return Part(
            votes,
            span,
            changes,
            self._table().digest_before(self._total if behind else 0),
            age if behind else 0.0,
            complete=not self._news,
        )

    def confirmed(self, part: Part, *, wants_all: bool) -> bool:
        """Take in that the peer has this part; returns True if there is more to say at once."""
        if part.span is not None:
            # Still different after the last page: something changed meanwhile. The next heartbeat tells.
            self._page_after = part.span.upto
        elif wants_all:
            self._certain = False
            if part.complete:
                self._page_after = ""
        elif part.complete:
            self._certain = True
        return self._page_after is not None or bool(self._news)

    def lost(self, part: Part) -> None:
        """Take in that the peer may have this part or not: its news are said again, before the others."""
        self._certain = False
        later, self._news, self._total = self._news, {}, 0
        for service, change in (*part.changes.items(), *later.items()):
            self._put(service, change)

    def _put(self, service: str, change: Change) -> None:
        known = self._news.get(service)
        total, since = (known.total + change.total, known.since) if known else change
        self._news[service] = Change(total, since)
        self._total += change.total

    def _chosen(self) -> tuple[tuple[ServiceVotes, ...], Span | None]:
        table = self._table()
        chosen: list[ServiceVotes] = []
        endpoints = 0
        for service in self._news if self._page_after is None else ():
            if endpoints >= wire.PAGE:
                break
            votes = table.get(service)
            if votes is None:
                self._page_after = ""  # only pages can say that a service is no longer there
                break
            chosen.append(votes)
            endpoints += len(votes.ballots) + 1
        if self._page_after is None:
            return tuple(chosen), None
        self._certain = False
        for service in [service for service in self._news if table.get(service) is None]:
            self._total -= self._news.pop(service).total
        return table.page(self._page_after, wire.PAGE)
