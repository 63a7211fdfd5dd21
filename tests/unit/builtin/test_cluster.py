"""A model of a cluster: real servers with their timers in virtual time, clocks that disagree, and secondaries.

Every node makes the same changes in the same order, each with its own lag, as nodes do that get the same verdicts.
Two guarantees of docs/builtin-dns.md are tested:

- with any delay, loss and crash: when the nodes have made all changes and heard each other, they serve one edition,
  and every secondary ends with it, unless a crash made a node forget an edition that it had told nobody of;
- when nodes lag by less than SETTLE and hear of an edition before they write what came before it: no secondary, with
  whichever nodes as primaries, ever has content that is older in anything than what it had before. No clock is needed.
"""

import asyncio
import itertools
import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core.model import RRsetKey
from rrdnsd.providers.builtin.edition import Edition, newer
from rrdnsd.providers.builtin.options import Options
from rrdnsd.providers.builtin.provider import SETTLE, Builtin
from rrdnsd.providers.builtin.store import Saved
from rrdnsd.providers.builtin.zone import Zone, absolute
from support import virtual_time
from support.builtin import ZONE, key, plan, rrset

NOW = 1_800_000_000
ORIGIN = absolute(ZONE)
KEYS = (key("www"), key("api"))
ROUNDS = 6
"""How often nodes tell each other everything until they agree: a lead, its taking over, and some for restarts."""

nodes = st.integers(0, 2)
names = st.sampled_from(KEYS)
skews = st.lists(st.sampled_from([0, -1, 1, -3600, 3600]), min_size=3, max_size=3)


@dataclass
class World:
    """The changes so far, in order; `contents` are the values that they give to each key."""

    changes: list[RRsetKey] = field(default_factory=list)
    flapping: bool = False

    def values(self, known: int) -> dict[RRsetKey, int]:
        """What is right after the first `known` changes."""
        counts = {some: self.changes[:known].count(some) for some in KEYS}
        return {some: count % 2 for some, count in counts.items()} if self.flapping else counts


class Node:
    """One node and its disk, which holds every edition it has published."""

    def __init__(self, world: World, skew: int) -> None:
        self.world = world
        self.skew = skew
        self.known = 0
        self.disk: list[Zone] = []
        self.up = True
        self.due = 0
        self.seen_by: list[Secondary] = []
        self.peers: list[Node] = []
        self.verified: set[RRsetKey] = set(KEYS)
        self.server = self._boot()

    @property
    def edition(self) -> Edition:
        return self.server.edition(ZONE)

    async def write(self, some: RRsetKey) -> None:
        """Look, and write the difference, as a keeper does."""
        self.verified.add(some)
        before = (await self.server.fetch(ZONE, [some])).rrsets.get(some)
        after = rrset(f"192.0.2.{self.world.values(self.known)[some]}")
        if before != after:
            await self.server.apply(plan((some, before, after)))

    async def learn(self, known: int) -> None:
        """Make the changes up to this one, in their order."""
        while self.up and self.known < known:
            self.known += 1
            some = self.world.changes[self.known - 1]
            if some in self.verified:
                await self.write(some)

    def saved(self, forgets: int) -> Zone:
        """What is on the disk without the last changes."""
        return self.disk[max(0, len(self.disk) - forgets - 1)]

    async def crash(self) -> None:
        self.up = False
        await self.server.close()

    async def restart(self, forgets: int, known: int) -> None:
        """Serve what was on the disk before the last changes; the votes are known before anything is written."""
        zone = self.saved(forgets)
        self.disk = self.disk[: self.disk.index(zone) + 1]
        self.server = self._boot()
        self.server._restore(self.server._zone(ZONE), Saved(ZONE, zone.serial, zone.records))
        self.verified = set()
        self.known, self.up = known, True
        self.show()

    def hear(self, edition: Edition) -> None:
        if self.up:
            self.server.heed(ZONE, edition.serial, edition.digest)

    def show(self) -> None:
        """Let the secondaries look."""
        for secondary in self.seen_by:
            if secondary.chance.random() >= secondary.misses:
                secondary.look(self.server._offered[ORIGIN])

    def _boot(self) -> Builtin:
        server = Builtin(
            "default",
            Options(listen=()),
            (ZONE,),
            [some.name for some in KEYS],
            clock=lambda: NOW + self.skew + asyncio.get_running_loop().time(),
        )
        offer = server._offer

        def offered(zone: Zone) -> asyncio.Task[None]:
            task = offer(zone)
            self.disk.append(zone)
            self.show()
            for peer in self.peers:
                peer.hear(self.edition)
            return task

        server._offer = offered
        return server


@dataclass
class Secondary:
    """Takes whatever is newer, and knows what it never wants to see again."""

    misses: float = 0.0
    chance: random.Random = field(default_factory=random.Random)
    must_not_go_back: bool = False
    zone: Zone | None = None

    def look(self, zone: Zone) -> None:
        if self.zone is None or newer(zone.serial, self.zone.serial):
            if self.zone and self.must_not_go_back:
                was, now = _values(self.zone), _values(zone)
                assert all(now[some] >= was[some] for some in KEYS), f"{was} -> {now} under {zone.serial}"
            self.zone = zone


async def cluster(world: World, skews: list[int]) -> list[Node]:
    """Nodes that have published the same first content, and know it of each other."""
    made = [Node(world, skew) for skew in skews]
    for node in made:
        for some in KEYS:
            await node.write(some)
    await exchange(made, made)
    return made


async def exchange(hearing: list[Node], telling: list[Node]) -> None:
    for one, other in itertools.product(telling, hearing):
        if one is not other:
            other.hear(one.edition)


# With any delay, loss and crash.

steps = st.lists(
    st.one_of(
        st.tuples(st.just("change"), nodes, names),
        st.tuples(st.just("learn"), nodes),
        st.tuples(st.just("tell"), nodes),
        st.tuples(st.just("hear"), nodes, nodes, st.integers(0, 5)),
        st.tuples(st.just("look"), nodes),
        st.tuples(st.just("wait"), nodes, st.sampled_from([0.01, 0.5, 1.5, 3, 200])),
        st.tuples(st.just("restart"), nodes, st.integers(0, 2)),
        st.tuples(st.just("verify"), nodes, names),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps, skews, st.booleans(), st.sampled_from([0, 10_000]))
def test_after_any_disorder_all_nodes_and_secondaries_have_one_edition(steps, skews, flapping, downtime):
    async def main():
        world = World(flapping=flapping)
        made = await cluster(world, skews)
        secondary = Secondary()
        said = [[node.edition] for node in made]  # still on their way, in no order
        for step in steps:
            await _disorder(step, made, said, secondary, downtime)
        remembered = secondary.zone and any(
            _same(secondary.zone, zone) for node in made for zone in node.disk
        )
        await _heal(made)
        assert len({node.edition for node in made}) == 1
        final = made[0].server._offered[ORIGIN]
        assert _values(final) == world.values(len(world.changes))
        assert all(
            _same(final, zone) or newer(final.serial, zone.serial) for node in made for zone in node.disk
        )
        if remembered or downtime > 2 * max(map(abs, skews)) + len(steps):
            secondary.look(final)
            assert _same(secondary.zone, final)
        await _close(made)

    virtual_time.run(main())


async def _disorder(step, made, said, secondary, downtime):
    kind, at, *rest = step
    match kind, *rest:
        case "change", some:
            made[at].world.changes.append(some)
        case "learn", *_:
            await made[at].learn(min(made[at].known + 1, len(made[at].world.changes)))
        case "tell", *_:
            said[at].append(made[at].edition)
        case "hear", sender, back if at != sender:
            made[at].hear(said[sender][-1 - back % len(said[sender])])
        case "look", *_:
            secondary.look(made[at].server._offered[ORIGIN])
        case "wait", seconds:
            await asyncio.sleep(seconds)
        case "restart", forgets:
            await made[at].crash()
            await asyncio.sleep(downtime)
            await made[at].restart(forgets, len(made[at].world.changes))
        case "verify", some:
            await made[at].write(some)


async def _heal(made: list[Node]) -> None:
    for node in made:
        await node.learn(len(node.world.changes))
        for some in KEYS:
            await node.write(some)
    for _ in range(ROUNDS):
        await exchange(made, made)
        await asyncio.sleep(SETTLE + 1)


async def _close(made: list[Node]) -> None:
    for node in made:
        await node.server.close()


def _same(one: Zone, other: Zone) -> bool:
    return (one.serial, one.digest) == (other.serial, other.digest)


# When nodes lag by less than SETTLE and hear of each other at once.

lags = st.lists(st.floats(0, SETTLE * 0.95), min_size=3, max_size=3)
waits = st.lists(st.floats(0, SETTLE * 3), min_size=2, max_size=2)
gaps = st.sampled_from([0.0, 0.1, 0.7, 1.0, 3.0])
changes = st.lists(st.tuples(gaps, names, lags), max_size=12)
crashes = st.lists(
    st.tuples(
        nodes, st.floats(0, 15), st.floats(SETTLE, 30), st.integers(0, 2), st.permutations(KEYS), waits
    ),
    max_size=2,
    unique_by=lambda crash: crash[0],
)


@settings(max_examples=40, deadline=None)
@given(changes, crashes, skews, st.integers(0, 2**32))
def test_no_secondary_is_led_back_by_a_node_that_lags_or_has_restarted(changes, crashes, skews, seed):
    async def main():
        world = World([some for _, some, _ in changes])
        made = await cluster(world, skews)
        secondaries = _secondaries(made, seed)
        for node in made:
            node.peers = [peer for peer in made if peer is not node]
        begin = asyncio.get_running_loop().time()
        for when, kind, at, what in _schedule(changes, crashes):
            await asyncio.sleep(begin + when - asyncio.get_running_loop().time())
            node = made[at]
            match kind:
                case "learn":
                    node.due = what
                    await node.learn(what)
                case "crash":
                    await node.crash()
                case "restart":
                    await node.restart(what, node.due)
                    for peer in node.peers:
                        node.hear(peer.edition)
                case "verify":
                    await node.write(what)
        await asyncio.sleep(SETTLE + 1)
        assert len({node.edition for node in made}) == 1
        for secondary in secondaries:
            secondary.look(made[0].server._offered[ORIGIN])
            assert _values(secondary.zone) == world.values(len(changes))
        await _close(made)

    virtual_time.run(main())


def _schedule(changes, crashes):
    """When each node learns of each change, and when it is down, in the order of time."""
    events, now, due = [], 0.0, [0.0] * 3
    for number, (gap, _, lag) in enumerate(changes, 1):
        now += gap
        due = [max(due[at], now + lag[at]) for at in range(3)]
        events += [(due[at], "learn", at, number) for at in range(3)]
    for at, when, downtime, forgets, order, wait in crashes:
        back = when + downtime
        events += [(when, "crash", at, None), (back, "restart", at, forgets)]
        events += [
            (back + later, "verify", at, some) for later, some in zip(sorted(wait), order, strict=True)
        ]
    return sorted(events, key=lambda event: event[0])


def _secondaries(made, seed):
    """One that looks at each edition, and one that misses half of them, for each choice of primaries."""
    found = []
    for size in (1, 2, 3):
        for primaries in itertools.combinations(made, size):
            for misses in (0.0, 0.5):
                secondary = Secondary(misses, random.Random(f"{seed} {len(found)}"), must_not_go_back=True)
                found.append(secondary)
                for node in primaries:
                    node.seen_by.append(secondary)
                    node.show()
    return found


def _values(zone: Zone) -> dict[RRsetKey, int]:
    return {some: int(min(zone.records[some].addresses).rpartition(".")[2]) for some in KEYS}
