"""A zone keeper at work on a DNS server in memory that keeps the contract exactly, or fails as real ones do."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from rrdnsd.core.model import Applied, Endpoint, RRset, RRsetKey, Service, State, ZoneView
from rrdnsd.core.override import Effective
from rrdnsd.core.publish import publish
from rrdnsd.daemon.backoff import Backoff
from rrdnsd.daemon.keeping import KeeperSettings
from rrdnsd.daemon.reconciler import ZoneKeeper
from support.names import NAME, ZONE

ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
API = f"api.{ZONE}"
QUICK = Backoff(first=0.1, most=0.4)


class Memory:
    """A DNS server in memory, and the ways in which real ones fail."""

    label = "default 192.0.2.53:53"

    def __init__(self):
        self.rrsets = {}
        self.reads = []
        self.read_at = []
        self.plans = []
        self.problems = {}
        self.error = None
        self.before_write = None
        self.ignores_updates = False
        self.own_ttl = None
        self.denied = set()

    async def start(self): ...

    async def close(self): ...

    async def fetch(self, zone, keys):
        assert zone == ZONE
        self.reads.append(sorted(keys))
        self.read_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.001)
        if self.error:
            raise self.error
        return ZoneView({key: self.rrsets[key] for key in keys if key in self.rrsets}, self.problems)

    async def apply(self, plan):
        self.plans.append(plan)
        await asyncio.sleep(0.001)
        if self.error:
            raise self.error
        meddle, self.before_write = self.before_write, None
        if meddle:
            meddle()
        written, stale = set(), set()
        for change in plan.changes:
            if change.name in self.denied:
                continue
            holds = all(self.rrsets.get(rrset.key) == rrset.before for rrset in change.rrsets)
            (written if holds else stale).add(change.name)
            if holds and not self.ignores_updates:
                for rrset in change.rrsets:
                    self.put(rrset.key, rrset.after)
        refused = {change.name: "no grant" for change in plan.changes if change.name in self.denied}
        return Applied(frozenset(written), frozenset(stale), refused, messages=1)

    def put(self, key, rrset):
        if rrset is None:
            self.rrsets.pop(key, None)
        else:
            self.rrsets[key] = replace(rrset, ttl=self.own_ttl) if self.own_ttl is not None else rrset

    def serve(self, name, *addresses, ttl=60):
        self.rrsets[RRsetKey(name, "A")] = RRset(ttl, frozenset(addresses))

    def served(self, name=NAME):
        rrset = self.rrsets.get(RRsetKey(name, "A"))
        return set(rrset.addresses) if rrset else set()


def wanted(name=NAME, *, up=(ONE, TWO), down=(), unknown=(), drained=(), ttl=60):
    """What is published for a service with these endpoints."""
    states = {
        **{a: Effective(State.UP, "up") for a in up},
        **{a: Effective(State.DOWN, "down: connection refused") for a in down},
        **{a: Effective(State.UNKNOWN, "") for a in unknown},
        **{a: Effective(State.UP, "up", drained="drained") for a in drained},
    }
    service = Service(name, ZONE, "default", ttl, tuple(map(Endpoint, states)), fail_open_threshold=None)
    return publish(service, states)


class Watched:
    """A keeper at work, and what it told."""

    def __init__(self, server, **settings):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.told = []
        settings = KeeperSettings(**{"interval": 30.0, "backoff": QUICK, **settings})
        self.keeper = ZoneKeeper(server, ZONE, settings, self.told.append, loop.time)

    async def look(self):
        """Wait for the keeper's next look, to a tenth of a second."""
        seen = self.keeper.status.reads
        for _ in range(1000):
            if self.keeper.status.reads > seen:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the keeper has not looked for 100 s")

    def heard(self, kind):
        return [report for report in self.told if isinstance(report, kind)]


@asynccontextmanager
async def keeping(server, **settings):
    watched = Watched(server, **settings)
    task = asyncio.create_task(watched.keeper.run())
    yield watched
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
