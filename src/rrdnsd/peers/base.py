"""The contract of a transport: it tells the peers what this node says, and hands over what they say.

The HTTP mesh is one; a shared store such as etcd could be another. Neither decides anything: whether a
statement counts is the core's business.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from rrdnsd.core.ledger import Ledger
from rrdnsd.core.membership import Said
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.votes import Statement, VoteTable


class Voice(Protocol):
    """What this node has to say at the moment; read anew for each message."""

    @property
    def table(self) -> VoteTable:
        """Its votes."""

    @property
    def electorate(self) -> str:
        """The digest of the nodes it is configured with."""

    @property
    def abstains(self) -> str:
        """Why its ballots do not count, "" if they do."""

    @property
    def editions(self) -> Mapping[str, tuple[int, str]]:
        """The SOA serial and content digest of each zone that it serves itself."""

    @property
    def ledger(self) -> Ledger:
        """The orders it knows of."""


class NodeList(Protocol):
    """How the list of nodes changes: what this node says of it, and who listens to what others say of it."""

    @property
    def said(self) -> Said:
        """What to say in each message."""

    def heed(self, node: str, said: Said) -> None:
        """Take in what a node says, in a message that is authentic, whether or not the node is known and whatever its age.

        The transport may be told of another list before this returns.
        """


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a peer's statement.

    Without `in_step` its whole vote table is wanted, because the digests differ. `ledger` is the digest of this
    node's ledger with the entries of the statement; `refused` is why some of them are not in it, "" if all are.
    """

    in_step: bool
    ledger: str
    refused: str = ""


Listen = Callable[[Statement], Receipt]
"""Takes in a peer's statement; its entries whatever its age, its votes if they are of the present."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who has confirmed some orders, and which nodes have not."""

    known_by: tuple[str, ...] = ()
    unknown_to: tuple[str, ...] = ()


class Transport(Protocol):
    """Carries statements between nodes."""

    def voted(self, service: str) -> None:
        """Tell the peers at once that the votes on this service changed."""

    def suspected(self, key: EndpointKey) -> None:
        """Ask the peers to look at this endpoint at once."""

    def ordered(self, keys: Iterable[str], known_to: str = "") -> None:
        """Tell the peers at once of the ledger's entries with these keys; `known_to` is who told us of them."""

    async def agreed(self, keys: Iterable[str], timeout: float) -> Agreement:  # noqa: ASYNC109 -- the answer is partial then
        """Wait until all peers that answer at all have confirmed these entries, for `timeout` seconds at most.

        `ordered` must have been called with them.
        """

    def reseat(self, nodes: Iterable[str]) -> None:
        """Speak with these nodes from now on; what is known of those that stay is kept."""

    def nudge(self) -> None:
        """Say at once what else changed: an abstention, a serial."""

    async def run(self) -> None:
        """Exchange statements until cancelled."""
