"""Real NSD with two built-in servers as primaries, which tell each other their editions as nodes do."""

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rrdnsd.core.model import RRset
from rrdnsd.providers.builtin.edition import newer
from rrdnsd.providers.builtin.provider import SETTLE, Builtin
from support.builtin import ZONE, eventually, key, plan, rrset
from support.ports import free_port
from support.process import descendants, wait_until
from support.secondaries import Feed, Secondary, start_nsd

WWW, API = key("www"), key("api")
OLD = rrset("192.0.2.1", "192.0.2.2")
WITHIN = 60.0
"""Seconds; a change takes milliseconds, but the machine may be busy."""
NSD_PROCESSES = 2
"""What NSD's first process has below it when it is not reloading: the main one, and the one that answers."""


class Cluster:
    """Two nodes and their NSD. A node that is killed is None."""

    def __init__(self, serve, folder: Path, secondary_port: int) -> None:
        self.ports = (free_port("127.0.0.1"), free_port("127.0.0.1"))
        self.nodes: list[Builtin | None] = [None, None]
        self.serials: list[int] = []
        self.nsd: Secondary | None = None
        self._serve = serve
        self._folder = folder
        self._secondary_port = secondary_port

    async def start(self, at: int) -> Builtin:
        """Start a node, also again: it serves what it saved, and hears of the other's edition."""
        self.nodes[at] = await self._serve(
            names=(WWW.name, API.name),
            state=f"node{at}",
            listen=[f"127.0.0.1:{self.ports[at]}"],
            notify=[f"127.0.0.1:{self._secondary_port}"],
        )
        self.nodes[at].on_lead = self.tell
        self.tell()
        return self.nodes[at]

    async def kill(self, at: int) -> None:
        await self.nodes[at].close()
        self.nodes[at] = None

    def keep_a_copy(self, at: int) -> None:
        """Remember what the node has on disk now."""
        shutil.copytree(self._folder / f"node{at}", self._folder / f"copy{at}")

    def put_back_the_copy(self, at: int) -> None:
        """Let the node forget what it has saved since, as a crash does that comes before the disk."""
        shutil.rmtree(self._folder / f"node{at}")
        shutil.copytree(self._folder / f"copy{at}", self._folder / f"node{at}")

    async def write(self, *pairs, nodes=(0, 1)) -> None:
        """Let these nodes look, and write the difference, one after the other; both then hear of it."""
        for at in nodes:
            if self.nodes[at]:
                await keep(self.nodes[at], *pairs)
        self.tell()

    def tell(self) -> None:
        for one, other in ((0, 1), (1, 0)):
            if self.nodes[one] and self.nodes[other]:
                edition = self.nodes[one].edition(ZONE)
                self.nodes[other].heed(ZONE, edition.serial, edition.digest)

    async def shows(self, some, wanted: RRset) -> None:
        """Wait until NSD serves this and nothing older, and see that its serial has not gone back."""
        await self.comes_to(
            lambda: self.nsd.addresses(some.name) == wanted.addresses and self._has_reloaded()
        )
        self.serials.append(await asyncio.to_thread(self.nsd.serial))
        assert all(not newer(before, self.serials[-1]) for before in self.serials)

    def _has_reloaded(self) -> bool:
        """Whether it is one process that answers: while it loads a zone, the one from before does as well."""
        return len(descendants(self.nsd.process.pid)) == NSD_PROCESSES

    async def comes_to(self, true: Callable[[], bool]) -> None:
        """Poll in a thread, as NSD asks its primaries in this event loop before it answers."""
        await asyncio.to_thread(wait_until, true, WITHIN, lambda: "NSD has not followed")

    async def goes_on_showing(self, some, wanted: RRset, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            assert await asyncio.to_thread(self.nsd.addresses, some.name) == wanted.addresses
            await asyncio.sleep(0.02)


async def keep(node: Builtin, *pairs) -> None:
    view = await node.fetch(ZONE, [some for some, _ in pairs])
    different = [(some, view.rrsets.get(some), new) for some, new in pairs if view.rrsets.get(some) != new]
    if different:
        await node.apply(plan(*different))


@pytest.fixture
async def cluster(serve, tmp_path: Path):
    port = free_port("127.0.0.1")
    made = Cluster(serve, tmp_path, port)
    await made.start(0)
    await made.start(1)
    await made.write((WWW, OLD), (API, OLD))
    folder = tmp_path / "nsd"
    folder.mkdir()
    feed = Feed(ZONE, made.ports[0], port, more=(made.ports[1],))
    made.nsd = await asyncio.to_thread(start_nsd, folder, feed)
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(made.nsd.stop)
        await made.shows(WWW, OLD)
        yield made


@pytest.mark.parametrize("dead", [0, 1])
async def test_changes_are_taken_whichever_primary_is_killed(cluster, dead):
    first, second, third = rrset("192.0.2.3"), rrset("192.0.2.4"), rrset("192.0.2.5")
    await cluster.write((WWW, first))
    await cluster.shows(WWW, first)
    await cluster.kill(dead)
    await cluster.write((WWW, second))
    await cluster.shows(WWW, second)
    await cluster.start(dead)
    await cluster.write((WWW, second), (API, second))
    await cluster.shows(API, second)
    await cluster.kill(1 - dead)
    await cluster.write((API, third))
    await cluster.shows(API, third)
    await cluster.comes_to(lambda: cluster.nsd.serial() == cluster.nodes[dead].edition(ZONE).serial)


@pytest.mark.parametrize("dead", [0, 1])
async def test_the_survivor_goes_above_what_only_the_dead_one_has_published(cluster, dead):
    alone, next_one = rrset("192.0.2.3"), rrset("192.0.2.4")
    for last in range(10, 20):  # faster than once a second: the serial runs ahead of the clock
        await cluster.write((WWW, rrset(f"192.0.2.{last}")), nodes=[dead])
    await cluster.write((WWW, alone), nodes=[dead])
    await cluster.shows(WWW, alone)
    await cluster.kill(dead)
    await cluster.write((WWW, next_one))
    await cluster.shows(WWW, next_one)
    await cluster.write((API, next_one))
    await cluster.shows(API, next_one)


@pytest.mark.parametrize("stale", [0, 1])
async def test_a_primary_that_comes_back_with_old_content_does_not_bring_it_back(cluster, stale):
    new = rrset("192.0.2.3")
    await cluster.kill(stale)
    await cluster.write((WWW, new), (API, new))
    await cluster.shows(WWW, new)
    node = await cluster.start(stale)
    assert (await node.fetch(ZONE, [])).rrsets == {}
    await cluster.goes_on_showing(WWW, new, SETTLE + 1)
    await cluster.write((API, new), nodes=[stale])  # www is still the old one there
    await cluster.goes_on_showing(WWW, new, SETTLE + 1)
    await cluster.write((WWW, new), nodes=[stale])
    await eventually(lambda: cluster.nodes[0].edition(ZONE) == cluster.nodes[1].edition(ZONE))
    await cluster.goes_on_showing(WWW, new, SETTLE + 1)


@pytest.mark.parametrize("crashed", [0, 1])
async def test_a_change_that_a_crash_made_its_node_forget_and_that_is_no_longer_right(cluster, crashed):
    wrong = rrset("192.0.2.3")
    cluster.keep_a_copy(crashed)
    await keep(cluster.nodes[crashed], (WWW, wrong))  # and told nobody
    await cluster.shows(WWW, wrong)
    await cluster.kill(crashed)
    cluster.put_back_the_copy(crashed)
    await asyncio.sleep(1)  # it takes longer than a second to come back: serials are times
    await cluster.start(crashed)
    await cluster.goes_on_showing(WWW, wrong, SETTLE + 1)
    await cluster.write((WWW, OLD), (API, OLD))
    await cluster.shows(WWW, OLD)
    cluster.tell()
    assert cluster.nodes[0].edition(ZONE) == cluster.nodes[1].edition(ZONE)


async def test_both_restart_and_nothing_has_changed(cluster):
    serial = await asyncio.to_thread(cluster.nsd.serial)
    for at in (0, 1):
        await cluster.kill(at)
    for at in (0, 1):
        await cluster.start(at)
    assert [node.edition(ZONE).serial for node in cluster.nodes] == [serial, serial]
    await cluster.write((WWW, OLD), (API, OLD))
    await eventually(lambda: all(newer(node.edition(ZONE).serial, serial) for node in cluster.nodes))
    cluster.tell()
    assert cluster.nodes[0].edition(ZONE) == cluster.nodes[1].edition(ZONE)
    await cluster.comes_to(lambda: cluster.nsd.serial() == cluster.nodes[0].edition(ZONE).serial)
    await cluster.goes_on_showing(WWW, OLD, 0.5)
