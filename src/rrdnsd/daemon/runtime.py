"""Carries out what the engine decides: results, statements and ticks go in, effects reach their owners.

Everything here runs on the event loop's thread and never waits, so that a slow DNS server or a slow reader
of the API cannot delay a probe.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from rrdnsd.core.effects import (
    Abstained,
    Effect,
    Mismatched,
    PeerChanged,
    Publish,
    Recheck,
    Retire,
    ServiceTransition,
    Suspected,
    Transition,
    Voted,
)
from rrdnsd.core.engine import Engine
from rrdnsd.core.events import Event, Heard, Probed, Ticked
from rrdnsd.core.ledger import Entry, Ledger
from rrdnsd.core.model import EndpointKey, ProbeResult, State
from rrdnsd.core.publish import Publication
from rrdnsd.core.votes import Statement
from rrdnsd.daemon import lines
from rrdnsd.daemon.budget import Budget, Incident
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.reports import Report, Served, Wrote
from rrdnsd.peers.base import Receipt, Transport

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25

Keepers = Mapping[tuple[str, str], Sequence[ZoneKeeper]]
"""The keepers of each (provider, zone): one for each server that the provider writes to."""

Witness = Callable[[Effect | Report | Incident], None]
"""Is told of everything that happens but rechecks; must neither wait nor raise."""


class Prober(Protocol):
    """The part of the scheduler that the runtime needs."""

    def probe_after(self, key: EndpointKey, delay: float) -> None:
        """Probe this endpoint in `delay` seconds, out of turn."""


async def _one_turn() -> None:
    await asyncio.sleep(0)


class Runtime:
    """Owns the engine. `attach` names who carries effects out, before anything is handled.

    `rest` lets everybody else go first while there is much to count.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float],
        ledger: Ledger | None = None,
        rest: Callable[[], Awaitable[None]] = _one_turn,
    ) -> None:
        self.engine = engine
        self.ledger = Ledger() if ledger is None else ledger
        self.on_entries: Callable[[Sequence[Entry], str], None] = self._merge
        """Takes in the orders that a peer knows of, and its name: merges, applies and passes on, without waiting."""
        self.expects: Callable[[Transition], bool] = lambda _transition: False
        """Tells if a verdict is as the last run knew it, so that it is no news."""
        self.keepers: Keepers = {}
        self.budget = Budget(self._servers, clock)
        self.decided = asyncio.Event()
        """Set once every endpoint has had a first verdict."""
        self.clock = clock
        self._prober: Prober | None = None
        self._transport: Transport | None = None
        self._first_verdicts = 0
        self._rest = rest
        self._unfinished = asyncio.Event()
        self._witnesses: list[Witness] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._keeping: dict[ZoneKeeper, asyncio.Task[None]] = {}

    def attach(self, prober: Prober, keepers: Keepers, transport: Transport | None = None) -> None:
        """Name who probes, who keeps DNS, and who tells the peers if there are any."""
        self._prober, self.keepers, self._transport = prober, keepers, transport

    def witness(self, see: Witness) -> None:
        """Let this be told of what is decided and done."""
        self._witnesses.append(see)

    def keep(self, keepers: Keepers) -> None:
        """Keep these zones from now on and no others; a keeper that was there before goes on undisturbed."""
        self.keepers = keepers
        if self._tasks is None:
            return
        wanted = dict.fromkeys(keeper for group in keepers.values() for keeper in group)
        for keeper in [keeper for keeper in self._keeping if keeper not in wanted]:
            self._keeping.pop(keeper).cancel()
        new = [keeper for keeper in wanted if keeper not in self._keeping]
        for keeper in new:
            self._keeping[keeper] = self._tasks.create_task(
                keeper.run(), name=f"keeper {keeper.server} {keeper.zone}"
            )
        # What was decided before there was anybody to carry it out: a withdrawal needs no verdict.
        for publication in self.engine.publications.values():
            for keeper in keepers.get((publication.provider, publication.zone), ()):
                if keeper in new:
                    keeper.want(publication)

    def on_results(self, results: Sequence[tuple[EndpointKey, ProbeResult]]) -> None:
        """Take in probe results, as the scheduler delivers them."""
        self.handle(Probed(results))

    def listen(self, statement: Statement) -> Receipt:
        """Take in what a peer says: its orders first, so that its votes are counted by the orders that stand."""
        if statement.entries:
            self.on_entries(statement.entries, statement.node)
        self.handle(Heard(statement))
        peer = self.engine.electorate.roster.peers.get(statement.node)
        in_step = peer is not None and peer.in_step
        refused = "the ledger is full" if self.ledger.lacks(statement.entries) else ""
        return Receipt(in_step, self.ledger.digest, refused)

    def _merge(self, entries: Sequence[Entry], node: str) -> None:
        news = self.ledger.merge(entries)
        if news and self._transport:
            self._transport.ordered([entry.key for entry in news], known_to=node)

    def handle(self, event: Event) -> None:
        """Let the engine decide, and carry out what it says."""
        for effect in self.engine.handle(event, self.clock()):
            self._carry_out(effect)
        if self.engine.uncounted:
            self._unfinished.set()

    def look(self, key: EndpointKey, delay: float = 0.0) -> None:
        """Probe in `delay` seconds, out of turn."""
        if self._prober:
            self._prober.probe_after(key, delay)

    def rank(self, subject: str) -> int:
        """Return this node's place among the writers of a subject; 0 writes at once."""
        return self.engine.rank(subject, self.clock())

    def catch_up(self, services: Collection[str] = ()) -> None:
        """Let the engine take note of the time that has passed, and be certain what is published of some services."""
        self.handle(Ticked(services))

    def report(self, report: Report) -> None:
        """Take in what a keeper tells."""
        lines.log_report(report)
        self._show(report)
        match report:
            case Wrote(_, _, name, _, _):
                self.budget.written(name)
            case Served(server, _, name, _):
                self._tell_budget(self.budget.visible(name, server))
            case _:
                pass

    async def run(self) -> None:
        """Keep the zones, the peers and the time until cancelled."""
        self.engine.learn(self.clock())  # from when it can hear; until now it was only being put together
        if self.engine.electorate.abstains:  # it does from the start, before anybody could carry effects out
            lines.log_effect(Abstained(self.engine.electorate.abstains))
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self.keep(self.keepers)
            if self._transport:
                tasks.create_task(self._transport.run(), name="peers")
            tasks.create_task(self._tick(), name="tick")
            tasks.create_task(self._count(), name="count")

    async def _count(self) -> None:
        """Have all ballots counted that are to be, some with each turn of the event loop."""
        while True:
            await self._unfinished.wait()
            self._unfinished.clear()
            await self._rest()
            self.catch_up()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.catch_up()
            self._tell_budget(self.budget.expire(), " (not seen on the other servers from here)")

    def _show(self, what: Effect | Report | Incident) -> None:
        for see in self._witnesses:
            see(what)

    def _carry_out(self, effect: Effect) -> None:
        if not isinstance(effect, Recheck):
            self._show(effect)
        match effect:
            case Recheck(key, delay):
                self.look(key, delay)
            case Publish(publication):
                self._published(publication)
            case Retire(service, zone, provider):
                for keeper in self.keepers.get((provider, zone), ()):
                    keeper.release(service)
                lines.log_effect(effect)
            case Transition():
                self._decided(effect)
            case Voted() | Suspected() | Abstained():
                self._tell_peers(effect)
            case ServiceTransition() | PeerChanged() | Mismatched():
                lines.log_effect(effect)

    def _tell_peers(self, effect: Voted | Suspected | Abstained) -> None:
        match effect:
            case Voted(key) if self._transport:
                self._transport.voted(key.service)
            case Suspected(key):
                self.budget.suspected(key)
                if self._transport:
                    self._transport.suspected(key)
            case Abstained():
                lines.log_effect(effect)
                if self._transport:
                    self._transport.nudge()
            case _:
                pass

    def _decided(self, transition: Transition) -> None:
        lines.log_effect(transition, expected=self.expects(transition))
        self.budget.decided(transition)
        self._first_verdicts += transition.before is State.UNKNOWN
        if self._first_verdicts >= len(self.engine.endpoints):
            self.decided.set()

    def _published(self, publication: Publication) -> None:
        for keeper in self.keepers.get((publication.provider, publication.zone), ()):
            keeper.want(publication)
        lines.log_publication(publication)

    def _tell_budget(self, incidents: Iterable[Incident], remark: str = "") -> None:
        for incident in incidents:
            log.info("[budget] %s%s", incident.sentence(), remark, extra=lines.about(incident.key))
            self._show(incident)

    def _servers(self, service: str) -> frozenset[str]:
        publication = self.engine.publications.get(service)
        if publication is None:
            return frozenset()
        keepers = self.keepers.get((publication.provider, publication.zone), ())
        return frozenset(keeper.server for keeper in keepers)

    def counts(self) -> Mapping[State, int]:
        """Return how many endpoints have which verdict."""
        return Counter(status.verdict for status in self.engine.endpoints.values())
