"""Keeps the zones on disk in the background, the newest state of each, one write of a zone at a time."""

import asyncio
import logging
import os
from collections.abc import Collection

import dns.name

from rrdnsd.providers.builtin.answer import Zones
from rrdnsd.providers.builtin.store import Saved, load_all, path_of, save
from rrdnsd.providers.builtin.zone import Zone

log = logging.getLogger(__name__)

SAVE_TIMEOUT = 5.0
"""Seconds that a sick disk may hold up a change, or the end."""


class Archive:
    """Saves what its owner puts into `offered`, or `zones` before. Without a folder nothing is kept.

    A change that secondaries are not offered yet is not saved: after a restart it is decided anew, and what is on
    disk is an edition that was whole.
    """

    def __init__(self, state_dir: str | None, zones: Zones, offered: Zones) -> None:
        self._state_dir = state_dir
        self._zones = zones
        self._offered = offered
        self._saved: dict[dns.name.Name, Zone] = {}
        self._locks: dict[dns.name.Name, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, names: Collection[str]) -> list[Saved]:
        """Read the zones of these names that were saved."""
        return await asyncio.to_thread(load_all, self._state_dir, names) if self._state_dir else []

    def keep(self, zone: Zone) -> asyncio.Task[None]:
        """Begin to save the zone, or what it has become when its turn comes."""
        task = asyncio.create_task(self._keep(zone.origin), name=f"save {zone.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Give what is being saved a moment to be finished."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SAVE_TIMEOUT)
        for task in self._tasks:
            task.cancel()

    async def _keep(self, origin: dns.name.Name) -> None:
        if not self._state_dir:
            return
        async with self._locks.setdefault(origin, asyncio.Lock()):
            zone = self._offered.get(origin) or self._zones[origin]
            if self._saved.get(origin) is zone:
                return
            path = path_of(self._state_dir, zone.name)
            try:
                await asyncio.to_thread(save, path, zone)
            except OSError as error:
                reason = os.strerror(error.errno or 0).lower()
                log.warning(
                    "[builtin] %s cannot be written (%s): a restart will forget what is served now",
                    path,
                    reason,
                )
            else:
                self._saved[origin] = zone
