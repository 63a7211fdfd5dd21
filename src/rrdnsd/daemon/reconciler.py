"""Keeps one zone on one server equal to what shall be published: read, plan, write, read back, again.

Level-triggered: a keeper compares what the server really serves with what is desired, after each change and
every `interval` seconds, and repairs the difference. It does not remember what it sent and does not believe
an acknowledgement. Servers do not wait for each other: each has its own keeper with its own back-off.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Mapping

from rrdnsd.core.model import Applied, Endpoint, Plan, RRset, RRsetKey, ZoneView
from rrdnsd.core.plan import foreign, guard, plan
from rrdnsd.core.publish import Publication
from rrdnsd.daemon.keeping import Due, KeeperSettings, KeeperStatus, some, told
from rrdnsd.daemon.reports import Failed, Noticed, Recovered, Served, Tell, Wrote
from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Provider

log = logging.getLogger(__name__)

ATTEMPTS = 4
"""How often a difference is written in one go, each time on a fresh look, before the keeper backs off."""
SOON = 1.0
"""Seconds after which a new decision is tried at a server that has just failed, however long its back-off."""


class ZoneKeeper:
    """One task that owns one zone on one server.

    `turn` tells this node's place among the writers: it looks, and so writes, only after those before it
    have had their time since the decision. What they have written, it finds written. `catch_up` lets the
    engine take note of the time that has passed, before anything is planned.
    """

    def __init__(
        self,
        provider: Provider,
        zone: str,
        settings: KeeperSettings,
        tell: Tell,
        clock: Callable[[], float],
        turn: Callable[[], int] = lambda: 0,
        catch_up: Callable[[], None] = lambda: None,
    ) -> None:
        self.server = provider.label
        self.zone = zone
        self.status = KeeperStatus()
        self.served: dict[RRsetKey, RRset] = {}
        self._provider = provider
        self._settings = settings
        self._tell = tell
        self._clock = clock
        self._turn = turn
        self._catch_up = catch_up
        self._wanted: dict[str, Publication] = {}
        self._due: dict[str, Due] = {}
        self._wake = asyncio.Event()
        self._withdrawn: dict[tuple[str, str], float] = {}
        self._ttl_repaired: dict[RRsetKey, int] = {}
        self._noticed: dict[str, str] = {}
        self._refusals: dict[str, tuple[int, str]] = {}
        self._failed_at = self._resume_at = float("-inf")

    def want(self, publication: Publication) -> None:
        """Take in what shall be published for a name; the keeper starts at once."""
        name = publication.service
        before = self._wanted.get(name)
        if before and before.ttl != publication.ttl:
            for key in publication.keys:
                self._ttl_repaired.pop(key, None)
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

    def release(self, name: str) -> None:
        """Stop caring for a name; its records stay as they are."""
        self._wanted.pop(name, None)
        self._due.pop(name, None)
        self._refusals.pop(name, None)

    async def run(self) -> None:
        """Keep the zone until cancelled."""
        # A random first phase keeps thousands of zones from being read in the same moment for ever.
        drift_at = self._clock() + self._settings.interval * random.uniform(0.5, 1.0)  # noqa: S311
        while True:
            now = self._clock()
            if now >= drift_at:
                drift_at = now + self._settings.interval
                self._look_at_everything()
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
            # A process that stood still meanwhile, frozen or starved, must not write what it believed before.
            self._catch_up()
            if not first:
                names = [name for name in names if name not in self._due]
            proposed = self._propose(names, view)
            # A refusal is over when there is nothing left to change: another node may have been let to.
            for name in sorted(
                self._refusals.keys() & {*names} - {change.name for change in proposed.changes}
            ):
                self._judge(name, "")
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
                self._notice(change.name, f"shadow mode, not written: {change.reason}")
        self.status.noops += not written
        for name in sorted(written):
            self._tell(Served(self.server, self.zone, name, self._clock() - due[name].since))

    async def _wait(self, until: float) -> None:
        self._wake.clear()
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
        for name in due:
            del self._due[name]
        try:
            await self.reconcile(due, first=not wait)
        except Exception as error:  # a plug-in's bug must not end the keeping of other zones
            if not isinstance(error, ProviderError):
                log.exception("[updater] bug while keeping zone %s on %s", self.zone, self.server)
            # What was decided meanwhile is newer, but the wait began with the older decision.
            for name, reason in due.items():
                if name in self._wanted and not self._wanted[name].held:
                    self._due[name] = reason
            self._back_off(error)
        else:
            self._succeeded()

    async def _look(self, names: Collection[str]) -> ZoneView:
        keys = [key for name in names if name in self._wanted for key in self._wanted[name].keys]
        view = await self._provider.fetch(self.zone, keys)
        self.status.reads += 1
        for key in keys:
            if key in view.rrsets:
                self.served[key] = view.rrsets[key]
            else:
                self.served.pop(key, None)
        for name, address in [*self._withdrawn]:
            rrset = view.rrsets.get(RRsetKey(name, Endpoint(address).rtype))
            if rrset and address in rrset.addresses:
                del self._withdrawn[name, address]
        for name in names:
            if name in self._wanted:
                strangers = ", ".join(sorted(foreign(self._wanted[name], view)))
                self._notice(name, view.problems.get(name, ""), topic="problem")
                self._notice(
                    name, f"foreign records left alone: {strangers}" if strangers else "", topic="foreign"
                )
        return view

    def _propose(self, names: Collection[str], view: ZoneView) -> Plan:
        publications = [self._wanted[name] for name in names if name in self._wanted]
        tolerated = self._tolerated(publications, view)
        proposed = plan(self.zone, publications, view, tolerated)
        guarded = guard(proposed, self._wanted, self._withdrawn, self._settings.limit, self._clock())
        self._notice(self.zone, guarded.alarm, topic="guard", alarm=True)
        return guarded.plan

    def _tolerated(self, publications: Collection[Publication], view: ZoneView) -> dict[RRsetKey, int]:
        """Return the TTLs that came back after they had been repaired once: asking again would never end."""
        tolerated = {}
        for publication in publications:
            for key in publication.keys:
                rrset = view.rrsets.get(key)
                again = rrset is not None and rrset.ttl == self._ttl_repaired.get(key) != publication.ttl
                if rrset and again:
                    tolerated[key] = rrset.ttl
                text = (
                    f"TTL {publication.ttl} was written, but {rrset.ttl} is served; left so"
                    if rrset and again
                    else ""
                )
                self._notice(key.name, text, topic=f"TTL of {key.rtype}")
        return tolerated

    async def _write(self, proposed: Plan, due: Mapping[str, Due]) -> Applied:
        for change in proposed.changes:
            for rrset in change.rrsets:
                for address in rrset.removes:
                    self._withdrawn[change.name, address] = self._clock()
                if rrset.before and rrset.after and rrset.before.ttl != rrset.after.ttl:
                    self._ttl_repaired[rrset.key] = rrset.before.ttl
        applied = await self._provider.apply(proposed)
        self.status.writes += len(applied.written)
        self.status.messages += applied.messages
        for change in proposed.changes:
            if change.name in applied.written:
                self._tell(Wrote(self.server, self.zone, change.name, change.reason, due[change.name].drift))
            self._judge(change.name, applied.refused.get(change.name, ""))
        return applied

    def _judge(self, name: str, refusal: str) -> None:
        """Try a refused name again later, by itself: its neighbours must not wait for it."""
        self._notice(name, refusal, topic="refusal")
        if not refusal:
            self._refusals.pop(name, None)
            return
        times = self._refusals.get(name, (0, ""))[0] + 1
        self._refusals[name] = (times, refusal)
        again = self._clock() + self._settings.backoff.delay(times)
        self._due.setdefault(name, Due(again, latest=again, drift=False))

    def _back_off(self, error: Exception) -> None:
        """Leave the server alone for a while; a new decision makes that shorter, never shorter than a second."""
        status = self.status
        status.failures += 1
        status.error = str(error)
        if status.failing_since is None:
            status.failing_since = self._clock()
        delay = self._settings.backoff.delay(status.failures)
        self._failed_at = self._clock()
        self._resume_at = self._failed_at + delay
        self._tell(Failed(self.server, self.zone, status.error, delay))

    def _succeeded(self) -> None:
        status = self.status
        status.last_good = now = self._clock()
        if status.failing_since is not None:
            self._tell(Recovered(self.server, self.zone, now - status.failing_since))
        status.failures, status.failing_since = 0, None
        status.error = told({name: refusal for name, (_, refusal) in self._refusals.items()})

    def _notice(self, name: str, text: str, *, topic: str = "", alarm: bool = False) -> None:
        """Tell about a standing condition once, when it appears or changes; "" means that it is gone."""
        subject = f"{name} {topic}"
        if self._noticed.get(subject, "") == text:
            return
        self._noticed[subject] = text
        if text:
            self._tell(Noticed(self.server, self.zone, name, text, alarm))
        else:
            del self._noticed[subject]
