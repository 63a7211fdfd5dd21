"""The messages of POST /quorum/v1/message: JSON, versioned, bounded, unknown fields ignored.

docs/clustering.md describes them for a second implementation. Times are ages in milliseconds, never the
time of day: clocks may be wrong.
"""

import hashlib
import hmac
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rrdnsd.core.calls import Call
from rrdnsd.core.ledger import Entry, Stamp
from rrdnsd.core.membership import NO_ROUND, Accepted, Action, Change, Proposal, Round, Said
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.quorum import ballot
from rrdnsd.core.telling import Told
from rrdnsd.core.votes import ServiceVotes, Span, Statement

MAX_BODY = 512 * 1024
"""Bytes of the largest message; a larger one is refused unread."""

PAGE = 500
"""About how many endpoints one message may carry votes for."""

MAX_ENTRIES = 200
"""Orders that one message may carry."""

MAX_TOLD = 200
"""Marks of what people were told that one message may carry."""

MAX_BEATS = 200
"""Calls of endpoints that one message may carry."""

MAX_NODES = 1000
"""Nodes that a list may have."""

UNKNOWN_NODE = "unknown node"
"""The error of a reply to a node that is not in the list of nodes."""

MAX_REASON = 200
"""Characters of a reason; longer ones are cut."""

PATH = "/quorum/v1/message"
MAC_HEADER = "Rrdnsd-Mac"

Name = Annotated[str, Field(max_length=255)]
Hex = Annotated[str, Field(max_length=64)]
Reason = Annotated[str, Field(max_length=MAX_REASON)]
Serial = Annotated[int, Field(ge=0, lt=2**32)]
Whole = Annotated[int, Field(ge=0, lt=2**53)]
Subject = Annotated[str, Field(max_length=600)]
Vote = Literal["up", "down", "unknown"]
Attempt = tuple[Whole, Name]
Step = tuple[Action, Name]
M = TypeVar("M", bound=BaseModel)


class WireError(Exception):
    """A message that cannot be read; the text says why in a few words."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class ServiceBallots(_Message):
    """The votes on one service: by address, and the reasons of those that are down."""

    definition: Hex
    votes: dict[Name, Vote]
    reasons: dict[Name, Reason] = Field(default_factory=dict)


class LedgerEntry(_Message):
    """One order; its bounds are those of `core.ledger.Entry`."""

    key: str
    stamp: tuple[Whole, Whole, Name]
    value: str | None = None
    who: str = ""
    why: str = ""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        self.entry()
        return self

    def entry(self) -> Entry:
        """Return it as the core knows it."""
        return Entry(self.key, Stamp(*self.stamp), self.value, self.who, self.why)


class Membership(_Message):
    """What a node says of the list of nodes, as `core.membership.Said` has it; at version 0 the list goes without saying."""

    base: Hex
    version: Whole = 0
    nodes: list[Name] = Field(default_factory=list, max_length=MAX_NODES)
    promised: Attempt = (NO_ROUND.number, NO_ROUND.node)
    accepted: tuple[Attempt, Step] | None = None
    proposal: tuple[Attempt, Step | None] | None = None
    able: bool = True

    def said(self) -> Said:
        """Return it as the core knows it."""
        accepted, proposal = self.accepted, self.proposal
        return Said(
            base=self.base,
            version=self.version,
            nodes=tuple(self.nodes),
            promised=Round(*self.promised),
            accepted=Accepted(Round(*accepted[0]), Change(*accepted[1])) if accepted else None,
            proposal=_proposal(*proposal) if proposal else None,
            able=self.able,
        )


class Request(_Message):
    """What one node tells another. `echo` is the receiver's last stamp and how many ms ago it came."""

    v: Literal[1] = 1
    sender: Name
    receiver: Name
    session: Hex
    seq: Whole
    echo: tuple[Whole, Whole] | None = None
    electorate: Hex
    digest: Hex
    abstains: Reason = ""
    services: dict[Name, ServiceBallots] = Field(default_factory=dict)
    span: tuple[Name, Name | None] | None = None
    suspects: list[tuple[Name, Name]] = Field(default_factory=list, max_length=PAGE)
    editions: dict[Name, tuple[Serial, Hex]] = Field(default_factory=dict)
    ledger: Hex = ""
    entries: list[LedgerEntry] = Field(default_factory=list, max_length=MAX_ENTRIES)
    membership: Membership | None = None
    told: list[tuple[Name, Subject, Name, Whole]] = Field(default_factory=list, max_length=MAX_TOLD)
    beats: list[tuple[Name, Name, Whole, Reason]] = Field(default_factory=list, max_length=MAX_BEATS)


class Reply(_Message):
    """The answer. `session` is the one to use, `stamp` is to be echoed, `want` asks for all votes.

    `ledger` is the digest of the answering node's ledger, with the entries of the request. `membership` is there
    if the two nodes do not know the same list of nodes.
    """

    v: Literal[1] = 1
    sender: Name
    session: Hex
    stamp: Whole
    accepted: bool
    want: Literal["", "full"] = ""
    error: Reason = ""
    ledger: Hex = ""
    membership: Membership | None = None


def parse_request(body: bytes) -> Request:
    """Read a request.

    Raises:
        WireError: it is not one.

    """
    return _parse(Request, body)


def parse_reply(body: bytes) -> Reply:
    """Read a reply.

    Raises:
        WireError: it is not one.

    """
    return _parse(Reply, body)


def encode(message: Request | Reply) -> bytes:
    """Write a message as compact JSON; what has its default value is left out."""
    return message.model_dump_json(exclude_defaults=True).encode()


def service_ballots(votes: ServiceVotes) -> ServiceBallots:
    """Return votes as they travel."""
    return ServiceBallots(
        definition=votes.definition,
        votes={address: ballot.state.value for address, ballot in votes.ballots.items()},
        reasons={a: b.reason[:MAX_REASON] for a, b in votes.ballots.items() if b.reason},
    )


def ledger_entry(entry: Entry) -> LedgerEntry:
    """Return an order as it travels."""
    # Without another check: an entry that is out of bounds cannot be made.
    return LedgerEntry.model_construct(
        key=entry.key, stamp=entry.stamp, value=entry.value, who=entry.who, why=entry.why
    )


def membership(said: Said) -> Membership:
    """Return what is said of the list of nodes as it travels."""
    return Membership(
        base=said.base,
        version=said.version,
        nodes=list(said.nodes),
        promised=said.promised,
        accepted=said.accepted,
        proposal=said.proposal,
        able=said.able,
    )


def without_reasons(request: Request) -> Request:
    """Return the same request with less to read for people: for the rare one that would be too large."""
    bare = {name: votes.model_copy(update={"reasons": {}}) for name, votes in request.services.items()}
    return request.model_copy(update={"services": bare})


def statement(request: Request, said_at: float) -> Statement:
    """Return a request as the core sees it. `said_at` is on this node's clock, in seconds."""
    votes = tuple(
        ServiceVotes(
            name,
            service.definition,
            {a: ballot(State(vote), service.reasons.get(a, "")) for a, vote in service.votes.items()},
        )
        for name, service in request.services.items()
    )
    return Statement(
        node=request.sender,
        said_at=said_at,
        electorate=request.electorate,
        digest=request.digest,
        votes=votes,
        span=Span(*request.span) if request.span else None,
        abstains=request.abstains,
        suspects=tuple(EndpointKey(*suspect) for suspect in request.suspects),
        editions=request.editions,
        ledger=request.ledger,
        entries=tuple(entry.entry() for entry in request.entries),
        told=tuple(Told(*mark) for mark in request.told),
        beats=tuple(
            Call(EndpointKey(service, address), age / 1000, trouble)
            for service, address, age, trouble in request.beats
        ),
    )


def request_mac(secret: bytes, body: bytes) -> str:
    """Return the HMAC-SHA256 (RFC 2104) of a request, in hex; "" without a secret."""
    return _mac(secret, b"request\n", body)


def reply_mac(secret: bytes, asked: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of a reply, bound to the MAC of the request that it answers."""
    return _mac(secret, b"reply\n", asked.encode() + b"\n" + body)


def is_authentic(expected: str, given: str) -> bool:
    """Compare MACs in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode())


def _mac(secret: bytes, purpose: bytes, text: bytes) -> str:
    return hmac.new(secret, purpose + text, hashlib.sha256).hexdigest() if secret else ""


def _parse(kind: type[M], body: bytes) -> M:
    if len(body) > MAX_BODY:
        raise WireError(f"larger than {MAX_BODY} bytes")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise WireError(_short(f"{where}: {first['msg']}" if where else first["msg"])) from None


def _proposal(attempt: Attempt, step: Step | None) -> Proposal:
    return Proposal(Round(*attempt), Change(*step) if step else None)


def _short(text: str) -> str:
    """Make a text fit for the log although the sender chose part of it."""
    cut = text if len(text) <= MAX_REASON else f"{text[: MAX_REASON // 2]} ... {text[-MAX_REASON // 2 :]}"
    return cut if cut.isprintable() else ascii(cut)
