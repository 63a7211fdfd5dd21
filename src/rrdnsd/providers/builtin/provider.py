"""The built-in server as a provider: what is applied is served at once, kept on disk, and told to secondaries."""

import asyncio
import ipaddress
import logging
import os
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace

import dns.name

from rrdnsd.config.names import is_within
from rrdnsd.core.model import Applied, NameChange, Plan, RRset, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.builtin.notify import Notifier
from rrdnsd.providers.builtin.options import Options, is_wildcard
from rrdnsd.providers.builtin.responder import Responder
from rrdnsd.providers.builtin.server import Listeners
from rrdnsd.providers.builtin.store import Saved, load_all, path_of, save
from rrdnsd.providers.builtin.zone import (
    MAX_SERIAL,
    Zone,
    absolute,
    changed,
    expecting,
    homeless_servers,
    next_serial,
    served,
    unpublished,
)

log = logging.getLogger(__name__)

COMPLETE_WITHIN = 120.0
"""Seconds after which a new zone is given to secondaries even if some of its names were never decided."""

SAVE_TIMEOUT = 5.0


class Builtin:
    """One built-in server with all its zones. `names` are all the names it will be asked to publish.

    `clock` is POSIX time, of which serials are made. The zones live in the event loop, and only here are they
    replaced, never across an await: that is what makes `apply` a compare-and-set.
    """

    def __init__(
        self,
        name: str,
        options: Options,
        zones: Sequence[str],
        names: Sequence[str] = (),
        state_dir: str | None = None,
        *,
        clock: Callable[[], float] = time.time,
        complete_within: float = COMPLETE_WITHIN,
    ) -> None:
        self.label = f"{name} builtin"
        self._options = options
        self._state_dir = state_dir
        self._clock = clock
        self._complete_within = complete_within
        self._zones = {absolute(zone): unpublished(zone, options.settings) for zone in zones}
        self._floors: dict[dns.name.Name, int] = {}
        self._saved: dict[dns.name.Name, Zone] = {}
        self._locks: dict[dns.name.Name, asyncio.Lock] = {origin: asyncio.Lock() for origin in self._zones}
        self._timers: dict[dns.name.Name, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._responder = Responder(self._zones, options.allow_transfer, options.key)
        self._listeners = Listeners(self._responder.respond)
        self._notifier = Notifier(options.notify, options.key, self._source)
        self.expect(names)

    def expect(self, names: Collection[str]) -> None:
        """Take in that these names are managed: until something is applied to them, they are not denied."""
        for origin, zone in self._zones.items():
            inside = [name for name in names if self._home(name) == origin]
            self._zones[origin] = expecting(zone, inside)
        self._responder.forget()

    async def start(self) -> None:
        """Read the saved zones and listen.

        Raises:
            ProviderError: an address to listen on is taken or not ours.

        """
        if self._state_dir:
            names = [zone.name for zone in self._zones.values()]
            for saved in await asyncio.to_thread(load_all, self._state_dir, names):
                self._restore(self._zone(saved.name), saved)
        try:
            for where in self._options.listen:
                await self._listeners.open(where)
        except ProviderError:
            await self._listeners.close()
            raise
        log.info("[builtin] answers on %s", ", ".join(map(str, self._options.listen)))
        for zone in list(self._zones.values()):
            _warn_of_homeless_servers(zone)
            if zone.published:
                self._publish(zone)
                self._later(self._keep(zone.origin))

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
        """Tell what is served.

        Raises:
            ProviderError: the zone is not one of this server's.

        """
        current = self._zone(zone)
        return ZoneView({key: rrset for key in keys if (rrset := served(current, key))})

    async def apply(self, plan: Plan) -> Applied:
        """Serve what the plan says, under a new serial if it changes anything, and keep it.

        Each name is written only if every RRset of it is exactly as the plan saw it, TTL included.

        Raises:
            ProviderError: the zone is not one of this server's, or a name lies outside it.

        """
        zone = self._zone(plan.zone)
        written: dict[str, NameChange] = {}
        stale: set[str] = set()
        for change in plan.changes:
            if not is_within(change.name, zone.name):
                raise ProviderError(f"{change.name} is not inside the zone {zone.name}")
            if all(served(zone, rrset.key) == rrset.before for rrset in change.rrsets):
                written[change.name] = change
            else:
                stale.add(change.name)
        changes = {rrset.key: rrset.after for change in written.values() for rrset in change.rrsets}
        if self._moves(zone, changes):
            self._publish(changed(zone, changes, self._next_serial(zone, zone.serial)))
            await asyncio.wait([self._later(self._keep(zone.origin))], timeout=SAVE_TIMEOUT)
        return Applied(frozenset(written), frozenset(stale), messages=int(bool(written)))

    async def close(self) -> None:
        """Stop listening and telling; what is being saved is given a moment to be finished."""
        for timer in self._timers.values():
            timer.cancel()
        await self._listeners.close()
        await self._notifier.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SAVE_TIMEOUT)
        for task in self._tasks:
            task.cancel()

    def serial(self, zone: str) -> int:
        """Tell the zone's serial; 0 if it was never published.

        Raises:
            ProviderError: the zone is not one of this server's.

        """
        return self._zone(zone).serial

    def raise_serial(self, zone: str, at_least: int) -> None:
        """Make the zone's serial, now and for ever, no lower than this.

        Raises:
            ProviderError: the zone is not one of this server's, or this is no serial.

        """
        current = self._zone(zone)
        if not 0 < at_least <= MAX_SERIAL:
            raise ProviderError(f"{at_least} is no serial of a zone; it has 32 bits and is not 0")
        self._floors[current.origin] = max(at_least, self._floors.get(current.origin, 0))
        if current.published and current.serial < at_least:
            self._publish(changed(current, {}, at_least))
            self._later(self._keep(current.origin))

    def _zone(self, name: str) -> Zone:
        try:
            return self._zones[absolute(name)]
        except KeyError:
            raise ProviderError(f"the built-in DNS server does not serve the zone {name}") from None

    def _home(self, name: str) -> dns.name.Name | None:
        homes = [zone for zone in self._zones.values() if is_within(name, zone.name)]
        return max(homes, key=lambda zone: len(zone.name)).origin if homes else None

    def _moves(self, zone: Zone, changes: dict[RRsetKey, RRset | None]) -> bool:
        decides = any(absolute(key.name) in zone.pending for key in changes)
        differs = any(served(zone, key) != rrset for key, rrset in changes.items())
        return differs or decides or bool(changes and not zone.published)

    def _next_serial(self, zone: Zone, serial: int) -> int:
        return next_serial(serial, self._floors.get(zone.origin, 0), self._clock())

    def _publish(self, zone: Zone) -> None:
        self._zones[zone.origin] = zone
        self._responder.forget()
        if zone.complete:
            self._notifier.announce(zone)
        elif zone.origin not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[zone.origin] = loop.call_later(self._complete_within, self._complete, zone.origin)

    def _complete(self, origin: dns.name.Name) -> None:
        """Stop waiting for the last names: the others are needed on the secondaries."""
        zone = self._zones[origin]
        if not zone.complete:
            missing = ", ".join(sorted(name.to_text(omit_final_dot=True) for name in zone.pending))
            log.warning(
                "[builtin] zone %s is now given to secondaries though there is no verdict yet on %s",
                zone.name,
                missing,
            )
            self._publish(replace(zone, complete=True))
            self._later(self._keep(origin))

    def _restore(self, zone: Zone, saved: Saved) -> None:
        """Serve what was saved, under a new serial, so that secondaries surely see what is served now."""
        withdrawn: dict[RRsetKey, RRset | None] = {RRsetKey(name, "A"): None for name in saved.withdrawn}
        new = changed(zone, withdrawn | dict(saved.records), self._next_serial(zone, saved.serial))
        self._zones[zone.origin] = replace(new, complete=new.complete or saved.complete)

    def _later(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _keep(self, origin: dns.name.Name) -> None:
        if not self._state_dir:
            return
        async with self._locks[origin]:
            zone = self._zones[origin]
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

    def _source(self, secondary: Resolver) -> str | None:
        """Choose the address that a secondary knows us by, where that is one of those we listen on."""
        target = ipaddress.ip_address(secondary.host)
        for where in self._options.listen:
            host = ipaddress.ip_address(where.host)
            if (
                host.version == target.version
                and host.is_loopback == target.is_loopback
                and not is_wildcard(where.host)
            ):
                return where.host
        return None


def _warn_of_homeless_servers(zone: Zone) -> None:
    for server in homeless_servers(zone):
        log.warning(
            "[builtin] zone %s: its name server %s has no address; set builtin.ns to names that resolve elsewhere, or "
            "builtin.listen to the addresses it shall have",
            zone.name,
            server,
        )
