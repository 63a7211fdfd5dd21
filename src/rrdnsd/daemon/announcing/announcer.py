"""All notifiers of a node: lets them see what happens here, and what other nodes have told."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from rrdnsd.core.effects import Effect, PeerChanged
from rrdnsd.core.telling import Told
from rrdnsd.daemon.announcing.channel import Channel
from rrdnsd.daemon.announcing.conditions import Condition
from rrdnsd.daemon.announcing.observer import Observer
from rrdnsd.daemon.announcing.quiet import quiet
from rrdnsd.daemon.budget import Incident
from rrdnsd.daemon.reports import Report
from rrdnsd.daemon.runtime import Runtime

LOOK_SECONDS = 1.0
LOOK_FAR_SECONDS = 60.0

Share = Callable[[Sequence[Told]], None]
"""Lets the other nodes know what people know."""


class NodeScene:
    """What channels need to know of this node. It does not tell before it could have heard what others have told."""

    def __init__(self, node: str, runtime: Runtime, share: Share, settle: float) -> None:
        self.node = node
        self._runtime = runtime
        self._share = share
        self._settle = settle
        self._began: float | None = None

    def before(self, notifier: str) -> Sequence[str] | None:
        """Return who comes before this node; the same for all subjects, so that what happens at once is one message."""
        now = self._runtime.clock()
        if self._began is None:
            self._began = now
        electorate = self._runtime.engine.electorate
        roster = electorate.roster
        if roster.removed or (len(roster.nodes) > 1 and now < self._began + self._settle):
            return None
        order = roster.writers(f"notifier {notifier}", now, abstaining=bool(electorate.abstains))
        return order[: order.index(self.node)]

    def quiet(self) -> Callable[[Condition], bool]:
        """Tell nothing that orders forbid, and without a quorum only that: the rest is hearsay."""
        now, engine = self._runtime.clock(), self._runtime.engine
        ordered = quiet(engine.overrides, now)
        if not engine.electorate.roster.no_quorum(now):
            return ordered
        return lambda condition: not condition.own or ordered(condition)

    def share(self, marks: Sequence[Told]) -> None:
        """Pass it on."""
        self._share(marks)


class Announcer:
    """The notifiers of a node, by name."""

    def __init__(self, channels: Sequence[Channel], observer: Observer, share: Share) -> None:
        self.channels: dict[str, Channel] = {}
        """By name; always the same dictionary."""
        self._observer = observer
        self._share = share
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self.use(channels)

    def use(self, channels: Sequence[Channel]) -> None:
        """Tell by these channels from now on and by no others; one that was there before goes on undisturbed."""
        wanted = {channel.name: channel for channel in channels}
        for name in self.channels.keys() - wanted.keys():
            del self.channels[name]
            task = self._running.pop(name, None)
            if task:
                task.cancel()
        self.channels |= wanted
        if self._tasks is None:
            return
        for name in wanted.keys() - self._running.keys():
            task = self._tasks.create_task(wanted[name].run(), name=f"notifier {name}")
            self._running[name] = task

    def see(self, what: Effect | Report | Incident) -> None:
        """Take note of what is decided or done: a witness of the runtime."""
        if not self.channels:
            return
        self._observer.see(what)
        match what:
            case PeerChanged(_, True, _):
                # It may have been away, or be another process than before: it learns what people know.
                for channel in self.channels.values():
                    self._share(channel.board.marks())
            case _:
                pass

    def heard(self, marks: Iterable[Told]) -> None:
        """Take in what people were told by another node; notifiers that this node does not have are left out."""
        for mark in marks:
            channel = self.channels.get(mark.notifier)
            if channel:
                channel.hear([mark])

    async def run(self) -> None:
        """Tell people until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self.use([*self.channels.values()])
                tasks.create_task(self._look(), name="notifiers: looking")
        finally:
            self._tasks = None
            self._running.clear()

    async def _look(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.channels:
                continue
            self._observer.look()
            if rounds % (LOOK_FAR_SECONDS / LOOK_SECONDS) == 0:
                self._observer.look_far()
            rounds += 1
