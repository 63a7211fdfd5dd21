"""The contract of a transport: it tells the peers what this node says, and hands over what they say.

The HTTP mesh is one; a shared store such as etcd could be another. Neither decides anything: whether a
statement counts is the core's business.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

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


Listen = Callable[[Statement], bool]
"""Takes in a peer's statement; returns False if its whole vote table is wanted, because the digests differ."""


class Transport(Protocol):
    """Carries statements between nodes."""

    def voted(self, service: str) -> None:
        """Tell the peers at once that the votes on this service changed."""

    def suspected(self, key: EndpointKey) -> None:
        """Ask the peers to look at this endpoint at once."""

    def nudge(self) -> None:
        """Say at once what else changed: an abstention, a serial."""

    async def run(self) -> None:
        """Exchange statements until cancelled."""
