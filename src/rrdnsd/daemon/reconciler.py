"""Keeps one zone on one server equal to what shall be published: read, plan, write, read back, again.

Level-triggered: a keeper compares what the server really serves with what is desired, after each change and
every `interval` seconds, and repairs the difference. It does not remember what it sent and does not believe
an acknowledgement. Servers do not wait for each other: each has its own keeper with its own back-off.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

from rrdnsd.core.model import Applied, NameChange, Plan, RRset, RRsetKey, ZoneView, rtype_of
from rrdnsd.core.plan import additions, foreign, guard, plan
from rrdnsd.core.publish import Publication
from rrdnsd.daemon.absence import Absences, Gone
from rrdnsd.daemon.keeping import Due, KeeperSettings, KeeperStatus, some
from rrdnsd.daemon.noticing import Notices
from rrdnsd.daemon.refreshing import Refreshed, Refreshes
from rrdnsd.daemon.refusals import Refusals
from rrdnsd.daemon.reports import Failed, Recovered, Served, Tell, Wrote
from rrdnsd.daemon.ttls import TtlRepairs
from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Provider
from rrdnsd.turns import Turns

log = logging.getLogger(__name__)

ATTEMPTS = 4
"""How often a difference is written in one go, each time on a fresh look, before the keeper backs off."""
SOON = 1.0
"""Seconds after which a new decision is tried at a server that has just failed, however long its back-off."""


class ZoneKeeper:
    """One task that owns one zone on one server.

    `turn` tells this node's place among the writers: it looks, and so writes, only after those before it
    have had their time since the decision. What they have written, it finds written. `catch_up` lets the
    engine take note of the time that has passed and be certain of these names, before anything of them is written.
    """

    def __init__(
        self,
        provider: Provider,
        zone: str,
        settings: KeeperSettings,
        tell: Tell,
        clock: Callable[[], float],
        turn: Callable[[], int] = lambda: 0,
        catch_up: Callable[[Collection[str]], None] = lambda _names: None,
    ) -> None:
        self.server = provider.label
        self.zone = zone
        self.status = KeeperStatus()
        self.served: dict[RRsetKey, RRset] = {}
        self.read_at: dict[str, float] = {}
        """When each name was last read, on the keeper's clock."""
        self.problems: dict[str, str] = {}
        """Names that cannot be managed on this server, and why."""
        self._provider = provider
        self._settings = settings
        self._tell = tell
        self._clock = clock
        self._turn = turn
        self._catch_up = catch_up
        self._wanted: dict[str, Publication] = {}
        self._due: dict[str, Due] = {}
        self._wake = asyncio.Event()
        self._refreshes = Refreshes()
        self._absences = Absences()
        self._lost_at: dict[tuple[str, str], float] = {}
        self._ttls = TtlRepairs()
        self._notices = Notices(self.server, zone, tell)
        self._refusals = Refusals()
        self._failed_at = self._resume_at = float("-inf")

    def want(self, publication: Publication) -> None:
        """Take in what shall be published for a name; the keeper starts at once."""
        name = publication.service
        before = self._wanted.get(name)
        if before and before.ttl != publication.ttl:
            self._ttls.forget(publication.keys)
        if before and before.reasons.keys() != publication.reasons.keys():
            self._absences.keep(name, publication.reasons.keys())
        self._wanted[name] = publication
        if before and before.asks_for_the_same(publication):
            return
        if publication.held:
            self._due.pop(name, None)
        else:
            now, due = self._clock(), self._due.get(name)
            since = due.since if due and not due.drift else now
            self._due[name] = Due(since, latest=now, drift=False)
            self._resume_at = min(self._resume_at, self._failed_at + SOON)
            self._wake.set()

    def adopt(self, provider: Provider, settings: KeeperSettings) -> None:
        """Go on with these from now on; what is known of the zone stays. Does nothing if they are the same."""
        if provider is self._provider and settings == self._settings:
            return
        # Another key, say, or a shadow that may write now: there is no reason left to wait.
        self._provider, self._settings, self._resume_at = provider, settings, float("-inf")
        now = self._clock()
        for name, publication in self._wanted.items():
            if not publication.held:
                self._due.setdefault(name, Due(now, latest=now, drift=False))
        self._wake.set()

    def release(self, name: str) -> None:
        """Stop caring for a name; its records stay as they are."""
        self._wanted.pop(name, None)
        self._due.pop(name, None)
        self._refusals.forget(name)
        self.read_at.pop(name, None)
        self.problems.pop(name, None)
        for key in [key for key in self.served if key.name == name]:
            del self.served[key]
        self._absences.keep(name, ())

    def proposal(self, name: str) -> NameChange | None:
        """Return what would be written for a name, judged by the last look; None if nothing would."""
        publication = self._wanted.get(name)
        if publication is None or name not in self.read_at:
            return None
        view = ZoneView(self.served, self.problems)
        proposed = plan(self.zone, [publication], view, self._ttls.tolerated([publication], self.served))
        return next(iter(proposed.changes), None)

    def gone_at(self, name: str, address: str) -> Gone | None:
        """Tell since when this server is seen not to serve an address; None while it does, or nothing is known."""
        publication = self._wanted.get(name)
        return self._absences.gone(name, address, publication.ttl) if publication else None

    async def refresh(self, name: str, within: float = 10.0) -> Refreshed:
        """Write a name anew, first what is to be added and then what is to go, whatever the back-off says.

        Never raises but when cancelled: what keeps it from being done is told in the report.
        """
        waiting = self._refreshes.ask(name, within)
        self._wake.set()
        late = Refreshed(self.server, name, trouble=f"not done within {within:g} s")
        return await waiting or late

    async def run(self) -> None:
        """Keep the zone until cancelled."""
        try:
            await self._keep()
        finally:
            self._refreshes.close()

    async def _keep(self) -> None:
        # A random first phase keeps thousands of zones from being read in the same moment for ever.
        drift_at = self._clock() + self._settings.interval * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
        while True:
            now = self._clock()
            drift_at = min(drift_at, now + self._settings.interval)
            if now >= drift_at:
                drift_at = now + self._settings.interval
                self._look_at_everything()
            for name in self._refreshes.names():
                await self._refresh(name)
            wait = self._turn() * self._settings.takeover
            ready = max(self._resume_at, min((due.at(wait) for due in self._due.values()), default=drift_at))
            if ready > now:
                await self._wait(min(ready, drift_at))
            else:
                await self._cycle(wait)

    async def reconcile(self, due: Mapping[str, Due], *, first: bool = True) -> None:
        """Bring these names to what is desired, and see with a second look that they are.

        Only the `first` writer takes up what is decided meanwhile; the others wait anew for their turn.

        Raises:
            ProviderError: the server could not be read or written, or does not serve what it accepted.

        """
        names: Collection[str] = due
        written: set[str] = set()
        for _ in range(ATTEMPTS):
            view = await self._look(names)
            if not first:
                names = [name for name in names if name not in self._due]
            proposed = await self._propose(names, view, first=first)
            # A refusal is over when there is nothing left to change: another node may have been let to.
            for name in sorted(
                self._refusals.names & {*names} - {change.name for change in proposed.changes}
            ):
                self._judge(name, "")
            proposed = self._settled(proposed, due)
            if not proposed.changes or self._settings.shadow:
                break
            applied = await self._write(proposed, due)
            written |= applied.written
            # What was written is read again too: an acknowledgement can hide a change that was ignored.
            names = [change.name for change in proposed.changes if change.name not in applied.refused]
            if not names:
                break
        else:
            raise ProviderError(
                f"{some(sorted(names))}: the records still differ after {ATTEMPTS} updates; "
                "either the server accepts updates without carrying them out, or another program writes these records"
            )
        if self._settings.shadow:
            for change in proposed.changes:
                self._notices.say(change.name, f"shadow mode, not written: {change.reason}")
        self.status.noops += not written
        turns = Turns()
        for name in sorted(written):
            await turns.rest()
            self._tell(Served(self.server, self.zone, name, self._clock() - due[name].since))

    async def _refresh(self, name: str) -> None:
        now, writes, trouble = self._clock(), self.status.writes, self._obstacle(name)
        if not trouble:
            self._ttls.forget(self._wanted[name].keys)
            self._judge(name, "")
            trouble = await self._attempt({name: Due(now, latest=now, drift=False)}, self._rewrite)
            trouble = trouble or self._refusals.sentence(name) or self._obstacle(name)
        serves = sorted(a for key, rrset in self.served.items() if key.name == name for a in rrset.addresses)
        self._refreshes.done(
            Refreshed(self.server, name, tuple(serves), self.status.writes - writes, trouble)
        )

    def _obstacle(self, name: str) -> str:
        """Say why a name must not be written, whoever asks; "" if it may be."""
        if name not in self._wanted:
            return "it is not published here"
        return self._wanted[name].held or ("shadow mode, nothing is written" if self._settings.shadow else "")

    async def _rewrite(self, due: Mapping[str, Due]) -> None:
        """Add first, and see it served; only then take away."""
        view = await self._look(due)
        first = additions(await self._propose(due, view), self._wanted)
        if first.changes:
            await self._write(first, due)
        await self.reconcile(due)

    async def _wait(self, until: float) -> None:
        self._wake.clear()
        if self._refreshes:
            return
        try:
            async with asyncio.timeout(max(0.0, until - self._clock())):
                await self._wake.wait()
        except TimeoutError:
            return

    def _look_at_everything(self) -> None:
        now = self._clock()
        drift = Due(now, latest=now, drift=True)
        for name, publication in self._wanted.items():
            if not publication.held:
                self._due.setdefault(name, drift)

    async def _cycle(self, wait: float) -> None:
        now = self._clock()
        due = {name: reason for name, reason in self._due.items() if reason.at(wait) <= now}
        await self._attempt(due, partial(self.reconcile, first=not wait))

    async def _attempt(
        self, due: Mapping[str, Due], do: Callable[[Mapping[str, Due]], Awaitable[None]]
    ) -> str:
        """Do it now; returns why that failed, "" if it did not. What failed is due again after the back-off."""
        for name in due:
            self._due.pop(name, None)
        try:
            await do(due)
        except Exception as error:  # a plug-in's bug must not end the keeping of other zones
            if not isinstance(error, ProviderError):
                log.exception("[updater] bug while keeping zone %s on %s", self.zone, self.server)
            # What was decided meanwhile is newer, but the wait began with the older decision.
            for name, reason in due.items():
                if name in self._wanted and not self._wanted[name].held:
                    self._due[name] = reason
            self._back_off(error)
            return str(error)
        self._succeeded()
        return ""

    async def _look(self, names: Collection[str]) -> ZoneView:
        keys = [key for name in names if name in self._wanted for key in self._wanted[name].keys]
        view = await self._provider.fetch(self.zone, keys)
        self.status.reads += 1
        for key in keys:
            if key in view.rrsets:
                self.served[key] = view.rrsets[key]
            else:
                self.served.pop(key, None)
        for name, address in [*self._lost_at]:
            rrset = view.rrsets.get(RRsetKey(name, rtype_of(address)))
            if rrset and address in rrset.addresses:
                del self._lost_at[name, address]
        turns = Turns()
        for name in names:
            await turns.rest()
            if name in self._wanted:
                self._note(name, view)
                strangers = ", ".join(sorted(foreign(self._wanted[name], view)))
                self._notices.say(name, view.problems.get(name, ""), topic="problem")
                self._notices.say(
                    name, f"foreign records left alone: {strangers}" if strangers else "", topic="foreign"
                )
        return view

    def _note(self, name: str, view: ZoneView) -> None:
        """Remember what was seen of a name."""
        publication = self._wanted[name]
        self.read_at[name] = now = self._clock()
        self.problems.pop(name, None)
        if name in view.problems:
            self.problems[name] = view.problems[name]
        else:
            found = [view.rrsets.get(key) for key in publication.keys]
            self._absences.see(name, publication.reasons.keys(), found, now)

    async def _propose(self, names: Collection[str], view: ZoneView, *, first: bool = True) -> Plan:
        """Plan these names, in short turns; what is decided otherwise meanwhile is left out, and due by itself."""
        publications = [self._wanted[name] for name in names if name in self._wanted]
        tolerated, turns, planned = self._tolerated(publications, view), Turns(), []
        for publication in publications:
            planned += [(publication, c) for c in plan(self.zone, [publication], view, tolerated).changes]
            await turns.rest()
        # A process that stood still meanwhile, frozen or starved, must not write what it believed before.
        self._catch_up([publication.service for publication, _ in planned])
        changes = tuple(change for publication, change in planned if self._stands(publication, first=first))
        proposed = Plan(self.zone, changes)
        guarded = guard(proposed, self._wanted, self._lost_at, self._settings.limit, self._clock())
        self.status.alarm = guarded.alarm
        self._notices.say(self.zone, guarded.alarm, topic="guard", alarm=True)
        return guarded.plan

    def _stands(self, publication: Publication, *, first: bool) -> bool:
        now = self._wanted.get(publication.service)
        same = now is publication or (now is not None and now.asks_for_the_same(publication))
        return same and (first or publication.service not in self._due)

    def _settled(self, proposed: Plan, due: Mapping[str, Due]) -> Plan:
        """Leave out drift that is seen for the first time, and look at it again once every vote has been heard."""
        if not self._settings.settle:
            return proposed
        later = self._clock() + self._settings.settle
        news = [c.name for c in proposed.changes if due[c.name].drift and not due[c.name].seen]
        for name in news:
            self._due.setdefault(name, Due(later, latest=later, drift=True, seen=True))
        return replace(proposed, changes=tuple(c for c in proposed.changes if c.name not in news))

    def _tolerated(self, publications: Collection[Publication], view: ZoneView) -> dict[RRsetKey, int]:
        """Return the TTLs that are left as they are, and tell of them."""
        tolerated = self._ttls.tolerated(publications, view.rrsets)
        for publication in publications:
            for key in publication.keys:
                served = tolerated.get(key)
                text = f"TTL {publication.ttl} was written, but {served} is served; left so"
                self._notices.say(key.name, "" if served is None else text, topic=f"TTL of {key.rtype}")
        return tolerated

    async def _write(self, proposed: Plan, due: Mapping[str, Due]) -> Applied:
        for change in proposed.changes:
            down = self._wanted[change.name].down
            for address in (a for rrset in change.rrsets for a in rrset.removes & down):
                self._lost_at[change.name, address] = self._clock()
            self._absences.write(change.name, (a for rrset in change.rrsets for a in rrset.adds))
        self._ttls.note(proposed)
        try:
            applied = await self._provider.apply(proposed)
        except ProviderError as error:
            self.status.unwritten(str(error), len(proposed.changes))
            raise
        self.status.wrote(applied)
        turns = Turns()
        for change in proposed.changes:
            await turns.rest()
            if change.name in applied.written:
                self._tell(Wrote(self.server, self.zone, change.name, change.reason, due[change.name].drift))
            self._judge(change.name, applied.refused.get(change.name, ""))
        return applied

    def _judge(self, name: str, refusal: str) -> None:
        """Try a refused name again later, by itself: its neighbours must not wait for it."""
        self._notices.say(name, refusal, topic="refusal")
        if not refusal:
            self._refusals.forget(name)
            return
        again = self._clock() + self._settings.backoff.delay(self._refusals.add(name, refusal))
        self._due.setdefault(name, Due(again, latest=again, drift=False))

    def _back_off(self, error: Exception) -> None:
        """Leave the server alone for a while; a new decision makes that shorter, never shorter than a second."""
        now = self._failed_at = self._clock()
        self.status.failed(str(error), now)
        asked = error.retry_after if isinstance(error, ProviderError) else None
        delay = max(self._settings.backoff.delay(self.status.failures), asked or 0.0)
        self._resume_at = now + delay
        self._tell(Failed(self.server, self.zone, self.status.error, delay))

    def _succeeded(self) -> None:
        now, since = self._clock(), self.status.failing_since
        if since is not None:
            self._tell(Recovered(self.server, self.zone, now - since))
        self.status.succeeded(now, self._refusals.summary)
