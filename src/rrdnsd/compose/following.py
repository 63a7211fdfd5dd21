"""Keeps the running parts in line with the file and what operators changed, wherever they changed it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from rrdnsd.compose.live import Live
from rrdnsd.config import Config
from rrdnsd.config.export import export
from rrdnsd.config.listing import waiting
from rrdnsd.config.loader import Loaded
from rrdnsd.config.overlay import Overlaid, overlay, overlay_what_fits
from rrdnsd.control.reports import Exported
from rrdnsd.core.ledger import Ledger
from rrdnsd.core.orders import Changes, changes
from rrdnsd.errors import RrdnsdError

log = logging.getLogger(__name__)

AGAIN = 30.0
"""Seconds after which a change that could not be made real is tried again."""


def fitting(loaded: Loaded, wanted: Changes, nodes: Sequence[str]) -> Overlaid:
    """Return the configuration with the changes that fit; the file's own object where nothing differs, to save room."""
    if wanted.leaves_the_file and sorted(nodes) == sorted(loaded.config.nodes):
        return Overlaid(loaded.config, wanted)
    return overlay_what_fits(loaded, wanted, nodes)


class Following:
    """Follows the ledger and the list of nodes. `changed` is called when something else is watched."""

    def __init__(
        self,
        loaded: Loaded,
        live: Live,
        ledger: Ledger,
        nodes: Callable[[], Sequence[str]],
        left_out: Sequence[str] = (),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.left_out: Sequence[str] = left_out
        """Why some changes are not in force on this node."""
        self._loaded = loaded
        self._live = live
        self._ledger = ledger
        self._nodes = nodes
        self._changed = changed
        self._wake = asyncio.Event()

    @property
    def config(self) -> Config:
        """What holds now."""
        return self._live.config

    @property
    def waiting(self) -> Sequence[str]:
        """Which records stay until more nodes' files list them no more."""
        return waiting(self._live.config, self._live.changes)

    @property
    def loaded(self) -> Loaded:
        """The file that is in use."""
        return self._loaded

    def taken_up(self, loaded: Loaded, left_out: Sequence[str]) -> None:
        """Take note that another file is in use, and which ordered changes do not fit to it."""
        self._loaded = loaded
        self._note(left_out)
        self._changed()

    def trial(self, wanted: Changes, about: str = "", nodes: Sequence[str] | None = None) -> Config:
        """Return what would hold with these changes, and with other nodes if they are given.

        Raises:
            ConfigError: it has mistakes.

        """
        return overlay(self._loaded, wanted, nodes, about)

    async def check(self, wanted: Changes, nodes: Sequence[str]) -> None:
        """See that this process could follow these changes with these nodes.

        Raises:
            ConfigError: it has mistakes, or needs what the sandbox does not allow.

        """

        def refuse() -> None:
            self._live.refuse(self.trial(wanted, nodes=nodes))

        await asyncio.to_thread(refuse)

    @contextlib.asynccontextmanager
    async def changing(self, wanted: Changes) -> AsyncIterator[Callable[[], None]]:
        """Do everything about a change that may fail; what it gives brings the change into force.

        Raises:
            RrdnsdError: it cannot be done; nothing has changed.

        """
        live = self._live
        async with live.lock:
            config = await asyncio.to_thread(self.trial, wanted, nodes=[*self._nodes()])
            prepared = await live.prepare(config, wanted)
            committed = False

            def commit() -> None:
                nonlocal committed
                committed = True
                live.commit(prepared)
                self._changed()

            try:
                yield commit
            finally:
                if not committed:
                    await live.discard(prepared)

    def follow(self) -> None:
        """Look soon what is to be changed."""
        self._wake.set()

    def export(self) -> Exported:
        """Return the file that would lead to what holds now."""
        config, secrets = export(self._loaded.raw, self._live.changes, self._nodes())
        return Exported(config, secrets)

    async def run(self) -> None:
        """Follow until cancelled; what cannot be done is tried again when something changes, and now and then."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN if self.left_out else None):
                    await self._wake.wait()
            self._wake.clear()
            await self._catch_up()

    async def _catch_up(self) -> None:
        live = self._live
        async with live.lock:
            found = await asyncio.to_thread(fitting, self._loaded, changes(self._ledger), [*self._nodes()])
            trouble = await self._made_real(found)
        self._note((*found.left_out, *trouble))

    def _note(self, said: Sequence[str]) -> None:
        for sentence in said:
            if sentence not in self.left_out:
                log.warning("[load_conf] an ordered change is not in force on this node: %s", sentence)
        self.left_out = said

    async def _made_real(self, found: Overlaid) -> Sequence[str]:
        live = self._live
        if (found.config, found.changes) == (live.config, live.changes):
            return ()
        try:
            prepared = await live.prepare(found.config, found.changes)
        except RrdnsdError as error:
            return (f"{error}; it is tried again",)
        live.commit(prepared)
        self._changed()
        return ()
