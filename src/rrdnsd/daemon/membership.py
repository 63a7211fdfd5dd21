"""The list of nodes while the daemon runs: hears what peers say of it, saves what this node promises, orders changes.

The decisions are core/agreement.py's. This is the disk, the time and the log around them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from rrdnsd.core.agreement import Agreement
from rrdnsd.core.membership import Change, Record, Said, Settled, Start, begin
from rrdnsd.daemon.backoff import Backoff
from rrdnsd.errors import ConfigError, StoreError
from rrdnsd.store.membership import Membership as Kept

log = logging.getLogger(__name__)

_TICK = 0.1
_MOST_HEARD = 200

Save = Callable[[Record], Awaitable[None]]


class Membership:
    """Owns the agreement. `attach` names who is told of news, before anything is heard.

    `nodes` and `version` are what counts now. `notice` is for the operator, "" if there is nothing to say.
    Everything but `change` and `run` returns at once.
    """

    def __init__(
        self,
        agreement: Agreement,
        save: Save,
        clock: Callable[[], float],
        vote_ttl: float = 4.0,
        notice: str = "",
    ) -> None:
        self.notice = notice
        self._agreement = agreement
        self._save = save
        self._clock = clock
        self._vote_ttl = vote_ttl
        self._said = agreement.said()
        self._nodes = agreement.record.nodes
        self._heard_at: dict[str, float] = {}
        self._unsaved = asyncio.Event()
        self._busy = asyncio.Event()
        self._settled = asyncio.Event()
        self._one = asyncio.Lock()
        self._on_chosen: Callable[[tuple[str, ...], int], None] = lambda _nodes, _version: None
        self._nudge: Callable[[], None] = lambda: None

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes, sorted."""
        return self._agreement.record.nodes

    @property
    def configured(self) -> tuple[str, ...]:
        """The nodes, and this one although it was removed: what its own configuration can list."""
        return tuple(sorted({*self.nodes, self._agreement.me}))

    @property
    def version(self) -> int:
        """How many changes led to them, counted from the list that the history began with."""
        return self._agreement.record.version

    @property
    def said(self) -> Said:
        """What this node says about them in each of its messages."""
        return self._said

    def reread(self, file: Collection[str]) -> Start:
        """Return what would be begun with if the configuration file listed these nodes: as at a start.

        Raises:
            ConfigError: that cannot be told while a change of nodes is under way here.

        """
        start = self._agreement.reread(file)
        if self._one.locked() and start.record.nodes != self.nodes:
            raise ConfigError(
                "nodes", ["nodes: a change of nodes is under way, reload again when it is over"]
            )
        return start

    def begin_anew(self, start: Start) -> None:
        """Go on with what `reread` has returned."""
        if self._one.locked() or start.record == self._agreement.record:
            return
        self.notice = _notice(self._agreement.me, start)
        self._agreement = self._agreement.begun(start)
        self._look()

    def attach(self, on_chosen: Callable[[tuple[str, ...], int], None], nudge: Callable[[], None]) -> None:
        """Name who puts another list of nodes into force, and who tells the peers at once that there is news."""
        self._on_chosen, self._nudge = on_chosen, nudge

    def heed(self, node: str, said: Said) -> None:
        """Take in what a node says; its message was authentic, but the node need not be known."""
        now = self._clock()
        self._heard_at.pop(node, None)
        self._heard_at[node] = now
        if len(self._heard_at) > _MOST_HEARD:
            del self._heard_at[next(iter(self._heard_at))]
        self._agreement.hear(node, said, now)
        self._look()

    def heard(self) -> Collection[str]:
        """Return who was heard lately: nodes, this one included, and strangers who want to become nodes."""
        since = self._clock() - self._vote_ttl
        return {self._agreement.me, *(node for node, at in self._heard_at.items() if at >= since)}

    def preview(self, change: Change) -> Settled:
        """Tell what `change` would say now if it cannot be begun, else a sentence about who must agree."""
        return self._agreement.preview(change, self.heard())

    async def change(self, change: Change) -> Settled:
        """Order one node more or one fewer, and wait for the outcome, some ten seconds at most.

        Cancelling does not undo it.
        """
        if self._one.locked():
            return Settled("conflict", "another change of nodes is under way: wait for it", self.version)
        async with self._one:
            refused = self._agreement.propose(change, self.heard(), self._clock())
            if refused:
                return refused
            self._settled.clear()
            self._look()
            while (settled := self._agreement.settled) is None:
                await self._settled.wait()
                self._settled.clear()
            return settled

    async def run(self) -> None:
        """Save and keep the time until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_saving(), name="membership, saving")
            tasks.create_task(self._keep_time(), name="membership, time")

    async def _keep_saving(self) -> None:
        backoff, failures = Backoff(), 0
        self._look()
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            record = self._agreement.unsaved
            if record is None:
                continue
            try:
                await self._save(record)
            except StoreError as error:
                failures += 1
                log.warning("[quorum] what is agreed about the nodes cannot be saved: %s", error)
                await asyncio.sleep(backoff.delay(failures))
            else:
                failures = 0
                self._agreement.saved(record, self._clock())
            self._look()

    async def _keep_time(self) -> None:
        while True:
            await self._busy.wait()
            await asyncio.sleep(_TICK)
            self._agreement.tick(self._clock())
            self._look()

    def _look(self) -> None:
        """Notice what changed, and tell those whom it concerns."""
        agreement = self._agreement
        if agreement.unsaved:
            self._unsaved.set()
        if agreement.busy:
            self._busy.set()
        else:
            self._busy.clear()
            self._settled.set()
        before, self._nodes = self._nodes, agreement.record.nodes
        if self._nodes != before:
            self._tell(before)
        said = agreement.said()
        if said != self._said:
            self._said = said
            self._nudge()

    def _tell(self, before: tuple[str, ...]) -> None:
        added, gone = sorted({*self._nodes} - {*before}), sorted({*before} - {*self._nodes})
        said = [f"{node} was added" for node in added] + [f"{node} was removed" for node in gone]
        now = f"the nodes are {', '.join(self._nodes)} (version {self.version})"
        log.info("[quorum] %s; %s", ", ".join(said), now)
        if self._agreement.me in gone:
            log.warning("[quorum] this node was removed from the cluster: it writes nothing more; stop it")
        self._on_chosen(self._nodes, self.version)


async def open_membership(
    me: str,
    file: Collection[str],
    kept: Kept,
    clock: Callable[[], float],
    *,
    durable: bool,
    vote_ttl: float = 4.0,
) -> Membership:
    """Choose between the nodes of the configuration file and what was agreed on since; see `begin`.

    `durable` tells if `kept` survives a restart. Never fails: while the disk cannot be read, this node takes
    part in no agreement until it is started again.
    """
    record, trouble = None, ""
    try:
        record = await kept.load() if durable else None
    except StoreError as error:
        durable, trouble = False, f"this node agrees to no change of nodes until it is started again: {error}"
    start = begin(file, record)
    notice = _notice(me, start, trouble)
    return Membership(Agreement(me, start, durable=durable), kept.save, clock, vote_ttl, notice)


def _notice(me: str, start: Start, trouble: str = "") -> str:
    """Return what is to be said of what is begun with, and log it."""
    notice = trouble or start.notice
    if me not in start.record.nodes:
        notice = f"this node was removed from the cluster, and writes nothing; stop it. {notice}".rstrip()
    if notice:
        log.warning("[quorum] %s", notice)
    return notice
