"""The parts of the daemon that questions and orders are about, gathered, and the look at all of them at once."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rrdnsd.daemon.control.book import Book
from rrdnsd.daemon.control.chronicle import Chronicle
from rrdnsd.daemon.control.enforcement import Enforcement
from rrdnsd.daemon.control.pulse import Pulse
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.watched import Watched
from rrdnsd.daemon.membership import Membership
from rrdnsd.daemon.memory import Memory
from rrdnsd.daemon.reload import ConfigurationFile
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.peers.base import Transport
from rrdnsd.store.room import Store

NOT_DURABLE = "there is no state_dir: orders, events and history of this node do not survive its restart"


@dataclass(frozen=True, slots=True)
class Office:
    """Everything that the desk needs.

    `clock` is monotonic, and `began` is when the daemon started on it; `wall` tells epoch seconds. `durable` tells
    if there is a disk to keep orders on. `digests` are those of the ledger that each peer stated last,
    `confirmed` says since when (on the clock) each drain is known to every node, `checks` what is wrong with each
    service as a client sees it, "" if nothing is.
    """

    node: str
    runtime: Runtime
    scheduler: Scheduler
    store: Store
    book: Book
    chronicle: Chronicle
    enforcement: Enforcement
    pulse: Pulse
    watched: Watched
    membership: Membership
    memory: Memory
    transport: Transport | None
    refused: Mapping[str, int]
    clock: Callable[[], float]
    began: float
    durable: bool
    file: ConfigurationFile
    wall: Callable[[], float] = time.time
    digests: dict[str, str] = field(default_factory=dict)
    confirmed: dict[str, float] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)

    @property
    def orders_agree(self) -> bool:
        """Tell if all nodes that are heard have said last that they have the same ledger."""
        now, roster = self.clock(), self.runtime.engine.electorate.roster
        heard = [node for node, peer in roster.peers.items() if peer.fresh(now, roster.vote_ttl)]
        digest = self.book.ledger.digest
        return all(self.digests.get(node, digest) == digest for node in heard)

    @property
    def known_everywhere(self) -> bool:
        """Tell if every node has said last that it has the same ledger, those included that are not heard now."""
        peers, digest = self.runtime.engine.electorate.roster.peers, self.book.ledger.digest
        return all(self.digests.get(node) == digest for node in peers)

    @property
    def troubles(self) -> list[str]:
        """What an operator should look after on this node, a sentence each."""
        found = [self.store.database.trouble, self.book.trouble, self.membership.notice, self.file.trouble]
        return [*filter(None, found), *self.watched.left_out, *self.watched.waiting, *self.book.faults]

    def scene(self) -> Scene:
        """Look at everything as it is now."""
        return Scene(
            config=self.watched.config,
            runtime=self.runtime,
            ledger=self.book.ledger,
            stats=self.scheduler.stats(),
            refused=self.refused,
            trial=self.watched.trial,
            now=self.clock(),
            wall=self.wall(),
            began=self.began,
            revision=self.pulse.revision,
            warnings=[*([] if self.durable else [NOT_DURABLE]), *self.troubles],
            orders_agree=self.orders_agree,
            confirmed=self.confirmed,
            checks=self.checks,
            version=self.membership.version,
            recall=self.memory.recall,
        )
