"""The built-in server as a provider: what is applied is served at once, kept on disk, and told to secondaries."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import dns.exception
import dns.name

from rrdnsd.config.names import is_within
from rrdnsd.core.model import Applied, NameChange, Plan, RRset, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers.builtin.archive import SAVE_TIMEOUT, Archive
from rrdnsd.providers.builtin.edition import (
    MAX_SERIAL,
    Edition,
    Standing,
    hear,
    is_behind,
    lead_at,
    may_lead,
    next_serial,
    takes_over,
    verify,
)
from rrdnsd.providers.builtin.notify import Notifier
from rrdnsd.providers.builtin.options import Options, source_address
from rrdnsd.providers.builtin.responder import Responder
from rrdnsd.providers.builtin.server import Listeners
from rrdnsd.providers.builtin.store import Saved
from rrdnsd.providers.builtin.timers import Timers
from rrdnsd.providers.builtin.zone import (
    Zone,
    absolute,
    changed,
    expecting,
    homeless_servers,
    numbered,
    released,
    served,
    unpublished,
)

log = logging.getLogger(__name__)

COMPLETE_WITHIN = 120.0
"""Seconds after which a new zone is offered to secondaries even if some of its names were never decided."""

VERIFY_WITHIN = 30.0
"""Seconds after which a restart no longer waits for names without a verdict, unless another node leads."""

SETTLE = 2.0
"""Seconds in which a change follows what announced it: the look at the last name, or another node's edition. Two
heartbeats, so that a vote that was lost once still comes in time.
"""


class Builtin:
    """One built-in server with all its zones. `names` are all the names it will be asked to publish.

    `_zones` are what queries are answered from; `_offered` are the editions that secondaries get, which may be
    older. `clock` is POSIX time, of which serials are made. All live in the event loop, and only here are they
    replaced, never across an await: that is what makes `apply` a compare-and-set.
    """

    of_this_node = True

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
        settle: float = SETTLE,
    ) -> None:
        self.label = f"{name} builtin"
        self.on_lead: Callable[[], None] = lambda: None
        """Called when there is an edition that other nodes should hear of now rather than with the next heartbeat."""
        self._options = options
        self._clock = clock
        self._complete_within = complete_within
        self._settle = settle
        self._zones = {absolute(zone): unpublished(zone, options.settings) for zone in zones}
        self._offered: dict[dns.name.Name, Zone] = {}
        self._standings = dict.fromkeys(self._zones, Standing())
        self._managed: dict[dns.name.Name, frozenset[str]] = dict.fromkeys(self._zones, frozenset())
        self._patience = Timers(self._stop_waiting)
        self._leads = Timers(self._settled)
        self._archive = Archive(state_dir, self._zones, self._offered)
        self._responder = Responder(self._zones, self._offered, options.allow_transfer, options.key)
        self._listeners = Listeners(self._responder.respond)
        self._notifier = Notifier(
            options.notify, options.key, lambda secondary: source_address(options.listen, secondary)
        )
        self.expect(names)

    def expect(self, names: Collection[str]) -> None:
        """Take in that these names are managed: until something is applied to them, they are not denied."""
        for origin, zone in self._zones.items():
            inside = frozenset(name for name in names if self._home(name) == origin)
            self._managed[origin] |= inside
            self._zones[origin] = expecting(zone, inside)
        self._responder.forget()

    async def saved(self, zones: Collection[str]) -> list[Saved]:
        """Read what was saved of zones that are not served yet; nothing is changed by that."""
        return await self._archive.load([zone for zone in zones if absolute(zone) not in self._zones])

    def serve(self, zones: Collection[str], names: Collection[str], saved: Collection[Saved] = ()) -> None:
        """Serve these zones too, from what was `saved` of them, and take in that exactly these names are managed.

        A zone that is served stays so until the end, and so do the records of names that are managed no more.
        """
        for zone in zones:
            origin = absolute(zone)
            if origin not in self._zones:
                self._zones[origin] = unpublished(zone, self._options.settings)
                self._standings[origin], self._managed[origin] = Standing(), frozenset()
                _warn_of_homeless_servers(self._zones[origin])
        self.expect(names)
        for one in saved:
            current = self._zone(one.name)
            if not current.published:
                self._restore(current, one)
        for origin in self._zones:
            self._release(origin, self._managed[origin].difference(names))

    async def start(self) -> None:
        """Read the saved zones and listen. Their content may be stale, so they keep their serials for now.

        Raises:
            ProviderError: an address to listen on is taken or not ours.

        """
        for saved in await self._archive.load([zone.name for zone in self._zones.values()]):
            self._restore(self._zone(saved.name), saved)
        try:
            for where in self._options.listen:
                await self._listeners.open(where)
        except ProviderError:
            await self._listeners.close()
            raise
        log.info("[builtin] answers on %s", ", ".join(map(str, self._options.listen)))
        for zone in self._zones.values():
            _warn_of_homeless_servers(zone)

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
        """Tell what is served; whoever asks compares it with what it shall be, and applies the difference.

        Raises:
            ProviderError: the zone is not one of this server's.

        """
        current = self._zone(zone)
        self._verified(current.origin, {key.name for key in keys})
        return ZoneView({key: rrset for key in keys if (rrset := served(current, key))})

    async def apply(self, plan: Plan) -> Applied:
        """Serve what the plan says, offer it to secondaries once it may lead, and keep what is offered.

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
        self._verified(zone.origin, written)
        if self._moves(zone, changes):
            saving = self._revise(changed(zone, changes, zone.serial))
            await asyncio.wait([saving], timeout=SAVE_TIMEOUT)
        return Applied(frozenset(written), frozenset(stale), messages=int(bool(written)))

    async def close(self) -> None:
        """Stop listening and telling; what is being saved is given a moment to be finished."""
        self._patience.close()
        self._leads.close()
        await self._listeners.close()
        await self._notifier.close()
        await self._archive.close()

    def edition(self, zone: str) -> Edition:
        """Tell which edition secondaries are offered; its serial is 0 before there is one.

        Raises:
            ProviderError: the zone is not one of this server's.

        """
        current = self._zone(zone)
        offered = self._offered.get(current.origin, current)
        return Edition(offered.serial, offered.digest)

    def heed(self, zone: str, serial: int, digest: str) -> bool:
        """Take in another node's edition of a zone; True if that was news, False too if it makes no sense here.

        The same content under a higher serial: its serial is taken over. Other content under a higher serial:
        the next change here goes above it, at once or, if that is news of the last moment, after `settle`.
        """
        try:
            current = self._zone(zone)
        except (ProviderError, dns.exception.DNSException):
            return False
        if not 0 < serial <= MAX_SERIAL:
            return False
        origin, before = current.origin, self._standings[current.origin]
        standing = self._standings[origin] = hear(before, current.serial, Edition(serial, digest), _now())
        if current.complete and takes_over(standing, current.serial, current.digest):
            self._take_over(current, standing.heard.serial)
            return True
        self._arm(origin)
        return standing is not before

    def _zone(self, name: str) -> Zone:
        try:
            return self._zones[absolute(name)]
        except KeyError:
            raise ProviderError(f"the built-in DNS server does not serve the zone {name}") from None

    def _home(self, name: str) -> dns.name.Name | None:
        homes = [zone for zone in self._zones.values() if is_within(name, zone.name)]
        return max(homes, key=lambda zone: len(zone.name)).origin if homes else None

    def _release(self, origin: dns.name.Name, names: frozenset[str]) -> None:
        """Wait no more for names that are managed no more."""
        if not names:
            return
        before, standing = self._zones[origin], self._standings[origin]
        after = self._zones[origin] = released(before, names)
        self._managed[origin] -= names
        self._standings[origin] = replace(standing, unverified=standing.unverified - names)
        self._responder.forget()
        if after.complete and not before.complete:
            self._revise(after)
        self._arm(origin)

    def _moves(self, zone: Zone, changes: dict[RRsetKey, RRset | None]) -> bool:
        decides = any(absolute(key.name) in zone.pending for key in changes)
        differs = any(served(zone, key) != rrset for key, rrset in changes.items())
        return differs or decides or bool(changes and not zone.published)

    def _verified(self, origin: dns.name.Name, names: Collection[str]) -> None:
        self._standings[origin] = verify(self._standings[origin], names, _now())
        self._arm(origin)

    def _revise(self, zone: Zone) -> asyncio.Task[None]:
        """Serve new content, and offer it to secondaries if that may be; the task that saves it is returned."""
        self._zones[zone.origin] = zone
        self._responder.forget()
        standing = self._standings[zone.origin]
        if zone.complete and takes_over(standing, zone.serial, zone.digest):
            return self._take_over(zone, standing.heard.serial)
        if zone.complete and may_lead(standing, zone.serial, self._settle, _now()):
            return self._lead(zone)
        self._standings[zone.origin] = replace(standing, owes=True)
        self._arm(zone.origin)
        return self._archive.keep(zone)

    def _take_over(self, zone: Zone, serial: int) -> asyncio.Task[None]:
        """Offer the same content as another node under the same serial."""
        self._standings[zone.origin] = replace(self._standings[zone.origin], owes=False)
        return self._offer(numbered(zone, serial))

    def _lead(self, zone: Zone) -> asyncio.Task[None]:
        """Offer the content under a serial above all that is known."""
        standing = self._standings[zone.origin]
        self._standings[zone.origin] = replace(standing, owes=False, restored=False)
        serial = next_serial(zone.serial, standing.heard.serial, self._clock())
        saving = self._offer(numbered(zone, serial))
        self.on_lead()
        return saving

    def _offer(self, zone: Zone) -> asyncio.Task[None]:
        self._zones[zone.origin] = self._offered[zone.origin] = zone
        self._responder.forget()
        self._notifier.announce(zone)
        self._arm(zone.origin)
        return self._archive.keep(zone)

    def _arm(self, origin: dns.name.Name) -> None:
        """Set the zone's two timers to what its state asks for."""
        zone, standing = self._zones[origin], self._standings[origin]
        partly = standing.verified_at > -math.inf
        if not (partly if standing.unverified else zone.published and not zone.complete):
            self._patience.cancel(origin)
        elif origin not in self._patience:
            self._patience.set(origin, _now() + (VERIFY_WITHIN if zone.complete else self._complete_within))
        at = lead_at(standing, zone.serial, self._settle)
        if at is not None and zone.complete:
            self._leads.set(origin, at)
        else:
            self._leads.cancel(origin)

    def _settled(self, origin: dns.name.Name, late: float) -> None:
        if not self._stood_still(origin, late):
            self._lead(self._zones[origin])

    def _stop_waiting(self, origin: dns.name.Name, late: float) -> None:
        """Offer the names that are decided, unless another node has a newer edition: it does that."""
        zone, standing = self._zones[origin], self._standings[origin]
        if is_behind(standing, zone.serial) or self._stood_still(origin, late):
            return
        missing = {name.to_text(omit_final_dot=True) for name in zone.pending} | standing.unverified
        log.warning(
            "[builtin] zone %s is now given to secondaries though there is no verdict yet on %s",
            zone.name,
            ", ".join(sorted(missing)),
        )
        self._standings[origin] = replace(standing, unverified=frozenset())
        self._lead(replace(zone, complete=True))

    def _stood_still(self, origin: dns.name.Name, late: float) -> bool:
        """Tell if the process was frozen beyond a timer: then what was verified before is so no longer."""
        if late <= self._settle:
            return False
        log.warning(
            "[builtin] stood still for %.1f s: zone %s is looked at again", late, self._zones[origin].name
        )
        standing = self._standings[origin]
        self._standings[origin] = replace(standing, unverified=self._managed[origin], verified_at=-math.inf)
        self._arm(origin)
        return True

    def _restore(self, zone: Zone, saved: Saved) -> None:
        """Serve and offer what was saved, under its serial."""
        withdrawn: dict[RRsetKey, RRset | None] = {RRsetKey(name, "A"): None for name in saved.withdrawn}
        new = changed(zone, withdrawn | dict(saved.records), saved.serial)
        whole = replace(new, complete=new.complete or saved.complete)
        self._zones[zone.origin] = whole
        if whole.complete:
            self._offered[zone.origin] = whole
        names = self._managed[zone.origin]
        self._standings[zone.origin] = Standing(unverified=names, restored=bool(names))
        self._responder.forget()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _warn_of_homeless_servers(zone: Zone) -> None:
    for server in homeless_servers(zone):
        log.warning(
            "[builtin] zone %s: its name server %s has no address; set builtin.ns to names that resolve elsewhere, or "
            "builtin.listen to the addresses it shall have",
            zone.name,
            server,
        )
