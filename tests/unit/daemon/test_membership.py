"""Real nodes' talk about their list over a network without wires: orders, deaths, restarts, disks that fail."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

from rrdnsd.core.membership import Change, Record, begin
from rrdnsd.daemon.membership import open_membership
from rrdnsd.errors import StoreError
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Mesh
from support.channel import SECRET, A, B, C, Words
from support.virtual_time import run

D = "10.0.0.4:3333"
FILE = (A, B, C)


@dataclass
class Disk:
    """Takes the place of `store.membership.Membership`."""

    record: Record | None = None
    trouble: str = ""
    saves: int = 0

    async def save(self, record):
        await asyncio.sleep(0.005)
        if self.trouble:
            raise StoreError(self.trouble)
        self.saves += 1
        self.record = record

    async def load(self):
        if self.trouble:
            raise StoreError(self.trouble)
        return self.record


@dataclass
class Node:
    """A node that only talks about the list."""

    me: str
    world: "World"
    file: tuple[str, ...]
    durable: bool = True
    disk: Disk = field(default_factory=Disk)
    chosen: list = field(default_factory=list)
    tasks: list = field(default_factory=list)

    async def start(self):
        loop = asyncio.get_running_loop()
        self.members = await open_membership(self.me, self.file, self.disk, loop.time, durable=self.durable)
        nodes = self.members.nodes
        self.mesh = Mesh(self.me, nodes, SECRET, Words(), self.world.carrier, loop.time, 1.0, self.members)
        self.inbox = Inbox(self.me, nodes, SECRET, self.listen, loop.time, self.members)
        self.members.attach(self.reseat, self.mesh.nudge)
        self.world.nodes[self.me] = self
        self.tasks = [loop.create_task(self.members.run()), loop.create_task(self.mesh.run())]
        return self

    def listen(self, _statement):
        return Receipt(in_step=True, ledger="0" * 32)

    def reseat(self, nodes, version):
        self.chosen.append((nodes, version))
        self.mesh.reseat(nodes)
        self.inbox.reseat(nodes)

    async def stop(self):
        del self.world.nodes[self.me]
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


@dataclass
class World:
    """All nodes that run."""

    nodes: dict = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def carrier(self):
        async def post(node, message):
            await asyncio.sleep(0.01)
            if node not in self.nodes:
                raise OSError("connection refused")
            answer = self.nodes[node].inbox.receive(message.body, message.mac)
            if not answer.body:
                raise OSError(f"status {answer.status}")
            return answer.body, answer.mac

        yield post

    async def start(self, me, file=FILE, **kind):
        return await Node(me, self, file, **kind).start()


def in_a_world(story):
    async def tell():
        world = World()
        try:
            await story(world)
        finally:
            for node in [*world.nodes.values()]:
                await node.stop()

    run(tell())


def test_three_nodes_become_four_lose_one_and_remove_it(caplog):
    caplog.set_level("INFO")

    async def story(world):
        a, b, c = [await world.start(me) for me in FILE]
        d = await world.start(D, (*FILE, D))
        await asyncio.sleep(2)
        began = asyncio.get_running_loop().time()
        settled = await a.members.change(Change("add", D))
        assert (settled.trouble, settled.changed, settled.version) == ("", True, 1)
        assert asyncio.get_running_loop().time() - began < 0.5
        await asyncio.sleep(1.5)
        for node in (a, b, c, d):
            assert node.members.nodes == (*FILE, D)
            assert node.members.version == 1
        assert a.chosen == b.chosen == c.chosen == [((*FILE, D), 1)]
        assert d.chosen == []  # its file lists the same
        assert f"[quorum] {D} was added; the nodes are {A}, {B}, {C}, {D} (version 1)" in caplog.messages
        await b.stop()
        await asyncio.sleep(5)
        settled = await d.members.change(Change("remove", B))
        assert (settled.trouble, settled.version) == ("", 2)
        await asyncio.sleep(1.5)
        assert a.members.nodes == c.members.nodes == d.members.nodes == (A, C, D)
        await b.start()
        assert b.members.nodes == (*FILE, D)
        await asyncio.sleep(2)
        assert b.members.nodes == (A, C, D)
        for node in (a, d):
            await node.stop()
            await node.start()
            assert node.members.nodes == (A, C, D)
            assert "the file lists" in node.members.notice

    in_a_world(story)


def test_a_node_that_is_alone_is_joined_only_by_one_that_is_there():
    async def story(world):
        a = await world.start(A, (A,))
        settled = await a.members.change(Change("add", B))
        assert settled.trouble == "unavailable"
        assert "start it first" in settled.sentence
        b = await world.start(B, (A, B))
        await asyncio.sleep(2)
        assert a.members.heard() == {A, B}
        assert a.members.preview(Change("add", B)).trouble == ""
        settled = await a.members.change(Change("add", B))
        assert settled.changed
        await asyncio.sleep(2)
        assert a.members.nodes == b.members.nodes == (A, B)
        assert (await b.members.change(Change("remove", A))).changed
        assert b.members.nodes == (B,)
        await asyncio.sleep(2)
        assert a.members.nodes == (B,)

    in_a_world(story)


def test_an_order_without_a_quorum_ends_and_another_may_follow():
    async def story(world):
        a, b, _ = [await world.start(me) for me in FILE]
        await asyncio.sleep(2)
        for other in (B, C):
            await world.nodes[other].stop()
        waiting = asyncio.create_task(a.members.change(Change("add", D)))
        await asyncio.sleep(1)
        assert (await a.members.change(Change("remove", C))).trouble == "conflict"
        assert not waiting.done()
        settled = await waiting
        assert settled.trouble == "unavailable"
        assert "no quorum agreed within 10 s" in settled.sentence
        assert "only 1 of 3 nodes are heard" in (await a.members.change(Change("add", D))).sentence
        await b.start()
        await asyncio.sleep(2)
        assert (await a.members.change(Change("remove", C))).changed

    in_a_world(story)


def test_an_order_whose_caller_went_away_goes_on():
    async def story(world):
        a, _, _ = [await world.start(me) for me in FILE]
        await asyncio.sleep(2)
        waiting = asyncio.create_task(a.members.change(Change("add", D)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(2)
        assert a.members.nodes == (*FILE, D)
        assert (await a.members.change(Change("remove", D))).changed

    in_a_world(story)


def test_a_full_disk_keeps_a_node_from_promising_until_there_is_room(caplog):
    async def story(world):
        a, b, c = [await world.start(me) for me in FILE]
        await asyncio.sleep(2)
        b.disk.trouble = c.disk.trouble = "the disk is full"
        waiting = asyncio.create_task(a.members.change(Change("add", D)))
        await asyncio.sleep(3)
        assert not waiting.done()
        assert "what is agreed about the nodes cannot be saved: the disk is full" in caplog.text
        b.disk.trouble = ""
        assert (await waiting).changed
        await asyncio.sleep(2)
        assert c.members.nodes == (*FILE, D)
        assert c.disk.record is None

    in_a_world(story)


def test_a_disk_that_cannot_be_read_makes_no_promises(caplog):
    async def story(world):
        a, b = await world.start(A), await world.start(B)
        await world.start(C, disk=Disk(trouble="the disk failed"))
        assert "agrees to no change of nodes until it is started again: the disk failed" in caplog.text
        await asyncio.sleep(2)
        await b.stop()
        settled = await a.members.change(Change("remove", B))
        assert f"{C} (it has no state_dir to keep a promise in, or could not read it)" in settled.sentence

    in_a_world(story)


def test_an_edited_file_counts_and_is_remembered():
    async def story(world):
        kept = Disk(Record(begin(FILE, None).record.base, 3, (A, D), file="other"))
        node = await world.start(A, (A, B), disk=kept)
        assert node.members.nodes == (A, B)
        assert "was edited in the configuration file" in node.members.notice
        await asyncio.sleep(1)
        assert kept.record == begin((A, B), None).record
        await node.stop()
        await node.start()
        assert node.members.notice == ""

    in_a_world(story)


@pytest.mark.parametrize("action", ["add", "remove"])
def test_strangers_who_were_heard_are_forgotten_in_the_end(action):
    async def story(world):
        a = await world.start(A, (A,))
        for number in range(300):
            a.members.heed(f"10.1.0.{number}:1", a.members.said)
        assert len(a.members.heard()) == 201
        await asyncio.sleep(5)
        assert a.members.heard() == {A}
        assert (await a.members.change(Change(action, B))).changed is False

    in_a_world(story)
