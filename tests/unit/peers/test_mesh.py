"""The mesh on an event loop that does not wait: when messages go out, and what becomes of failures."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

import pytest

from rrdnsd.core.ledger import Entry, Stamp
from rrdnsd.core.model import EndpointKey
from rrdnsd.peers import wire
from rrdnsd.peers.base import Agreement, Receipt
from rrdnsd.peers.mesh import AFTER_FAILURE, Mesh
from support.channel import NODES, SECRET, A, B, C, Listener, Words, services
from support.virtual_time import run

LATENCY = 0.01
KEY = EndpointKey("www.example.test", "192.0.2.1")


@dataclass
class Network:
    """Carries the messages of A. `trouble` is what happens to those for a node; None means silence for ever."""

    trouble: dict = field(default_factory=dict)
    posts: list = field(default_factory=list)
    under_way: dict = field(default_factory=dict)
    listeners: dict = field(default_factory=dict)

    def __post_init__(self):
        clock = asyncio.get_running_loop().time
        self.clock = clock
        self.listeners = {B: Listener(lambda: 100 + clock())}

    @contextlib.asynccontextmanager
    async def __call__(self):
        yield self.post

    async def post(self, node, message):
        self.posts.append((self.clock(), node, wire.parse_request(message.body)))
        assert not self.under_way.get(node), "one message at a time"
        self.under_way[node] = True
        try:
            await asyncio.sleep(LATENCY)
            if node in self.trouble:
                await self.fail(self.trouble[node])
            answer = self.listeners[node].inbox.receive(message.body, message.mac)
            return answer.body, answer.mac
        finally:
            self.under_way[node] = False

    async def fail(self, error):
        if error is None:
            await asyncio.Event().wait()
        raise error

    def to(self, node, since=0.0):
        return [(at, request) for at, to, request in self.posts if to == node and at >= since]


@contextlib.asynccontextmanager
async def meshed(network, nodes=(A, B), heartbeat=1.0):
    words = Words()
    mesh = Mesh(A, nodes, SECRET, words, network, asyncio.get_running_loop().time, heartbeat)
    mesh.words = words
    task = asyncio.create_task(mesh.run())
    try:
        yield mesh
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_without_news_a_node_is_told_every_heartbeat_that_all_stands():
    async def main():
        network = Network()
        async with meshed(network, heartbeat=0.5):
            await asyncio.sleep(10.1)
        gaps = [b - a for (a, _), (b, _) in zip(network.to(B, 1), network.to(B, 1)[1:], strict=False)]
        assert len(gaps) >= 15
        assert all(gap == pytest.approx(0.5) for gap in gaps)

    run(main())


def test_news_goes_out_at_once_and_once():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(3.3)
            mesh.words.table.put(services(KEY.service)[0])
            mesh.voted(KEY.service)
            mesh.suspected(KEY)
            await asyncio.sleep(1.2)
        (at, news), (later, heartbeat) = network.to(B, 3.3)
        assert at == pytest.approx(3.3)
        assert ([*news.services], news.suspects) == ([KEY.service], [tuple(KEY)])
        assert later == pytest.approx(4.3)
        assert (heartbeat.services, heartbeat.suspects) == ({}, [])
        assert network.listeners[B].peer.in_step

    run(main())


def test_news_that_comes_while_a_message_is_under_way_follows_it_at_once():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(3.3)
            for name in ("a.test", "b.test", "c.test"):
                mesh.words.table.put(services(name)[0])
                mesh.voted(name)
                await asyncio.sleep(LATENCY / 4)
            await asyncio.sleep(0.5)
        assert [[*request.services] for _, request in network.to(B, 3.3)] == [
            ["a.test"],
            ["b.test", "c.test"],
        ]

    run(main())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("Cannot connect to host 10.0.0.2:3333"), "Cannot connect to host 10.0.0.2:3333"),
        (TimeoutError(), "no answer in time"),
        (wire.WireError("it answers HTTP status 401: it has another cluster_secret"), "it answers HTTP status 401"),
    ],
)  # fmt: skip
def test_a_peer_that_is_away_is_told_once_and_asked_with_care(error, told, caplog):
    caplog.set_level(logging.INFO)

    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(2)
            network.trouble[B] = error
            mesh.words.table.put(services(KEY.service)[0])
            began = network.clock()
            for _ in range(1000):  # news all the time
                mesh.voted(KEY.service)
                await asyncio.sleep(0.01)
            gaps = [
                b - a for (a, _), (b, _) in zip(network.to(B, began), network.to(B, began)[1:], strict=False)
            ]
            assert min(gaps) >= AFTER_FAILURE
            assert len(gaps) > 30
            network.trouble.clear()
            await asyncio.sleep(3)
        assert network.listeners[B].peer.in_step

    run(main())
    assert [text.startswith(f"[quorum] no contact with {B}: {told}") for text in caplog.messages] == [
        True,
        False,
    ]
    assert caplog.messages[1] == f"[quorum] contact with {B} again"
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_peer_that_first_does_not_answer_and_then_refuses_is_told_twice(caplog):
    async def main():
        network = Network(trouble={B: OSError("Cannot connect")})
        async with meshed(network):
            await asyncio.sleep(5)
            network.trouble[B] = wire.WireError("it answers HTTP status 401: it has another cluster_secret")
            await asyncio.sleep(5)

    run(main())
    assert caplog.messages == [
        f"[quorum] no contact with {B}: Cannot connect",
        f"[quorum] no contact with {B}: it answers HTTP status 401: it has another cluster_secret",
    ]


def test_a_peer_that_never_answers_does_not_keep_news_from_the_others():
    async def main():
        network = Network(trouble={C: None})
        async with meshed(network, NODES) as mesh:
            await asyncio.sleep(2.2)
            mesh.words.table.put(services(KEY.service)[0])
            mesh.voted(KEY.service)
            await asyncio.sleep(0.5)
        assert len(network.to(C)) == 1
        assert network.to(B, 2.2)[0][0] == pytest.approx(2.2)
        assert network.listeners[B].peer.in_step

    run(main())


def test_a_new_contact_takes_no_more_than_a_few_round_trips():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            mesh.words.table.put(services(KEY.service)[0])
            await asyncio.sleep(5 * LATENCY)
            assert network.listeners[B].peer.in_step

    run(main())


def test_a_restarted_peer_learns_everything_within_a_heartbeat():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            mesh.words.table.put(services(KEY.service)[0])
            await asyncio.sleep(2.5)
            network.listeners[B].restart()
            await asyncio.sleep(1.1)
            assert network.listeners[B].peer.in_step

    run(main())


def test_it_counts_its_messages():
    async def main():
        network = Network()
        async with meshed(network, NODES) as mesh:
            network.trouble[C] = OSError("away")
            await asyncio.sleep(5)
            assert mesh.messages == len(network.posts)

    run(main())


def ordering(mesh, key="drain|www.example.test|192.0.2.1"):
    ledger = mesh.words.ledger
    ledger.merge([Entry(key, ledger.stamp(A, 1000), "{}")])
    mesh.ordered([key])
    return [key]


def test_an_order_is_known_as_soon_as_those_who_answer_have_confirmed_it():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(3.3)
            keys = ordering(mesh)
            began = network.clock()
            assert await mesh.agreed(keys, timeout=2) == Agreement((B,), ())
            assert network.clock() - began == pytest.approx(LATENCY)
            [at, request] = network.to(B, 3.3)[0]
            assert (at, [entry.key for entry in request.entries]) == (pytest.approx(3.3), keys)
            assert [entry.key for entry in network.listeners[B].ledger] == keys
            assert await mesh.agreed([*keys, "never ordered"], timeout=2) == Agreement((B,), ())

    run(main())


def test_nobody_waits_for_a_node_that_does_not_answer():
    async def main():
        network = Network()
        network.trouble[C] = OSError("away")
        async with meshed(network, NODES) as mesh:
            await asyncio.sleep(3.3)
            keys, began = ordering(mesh), network.clock()
            assert await mesh.agreed(keys, timeout=2) == Agreement((B,), (C,))
            assert network.clock() - began < 0.1

    run(main())


def test_a_node_that_falls_silent_is_waited_for_no_longer_than_told():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(3.3)
            network.trouble[B] = None
            keys, began = ordering(mesh), network.clock()
            assert await mesh.agreed(keys, timeout=2) == Agreement((), (B,))
            assert network.clock() - began == pytest.approx(2)

    run(main())


def test_the_wait_ends_when_the_connection_breaks():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(3.3)
            network.trouble[B] = OSError("reset")
            keys, began = ordering(mesh), network.clock()
            assert await mesh.agreed(keys, timeout=2) == Agreement((), (B,))
            assert network.clock() - began < 0.1
            del network.trouble[B]
            await asyncio.sleep(1.5)
            assert await mesh.agreed(keys, timeout=0) == Agreement((B,), ())

    run(main())


def test_other_orders_that_come_meanwhile_do_not_delay_the_answer():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(3.3)
            keys = ordering(mesh)
            waiting = asyncio.create_task(mesh.agreed(keys, timeout=2))
            for number in range(100):
                await asyncio.sleep(LATENCY / 3)
                ordering(mesh, f"drain|www.example.test|192.0.2.{number}")
                if number > 10:
                    assert waiting.done()
            assert waiting.result() == Agreement((B,), ())

    run(main())


def test_who_told_of_an_order_is_not_told_of_it():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(3.3)
            entry = Entry("pause", Stamp(1, 0, B), "{}")
            mesh.words.ledger.merge([entry])
            network.listeners[B].ledger.merge([entry])
            mesh.ordered(["pause"], known_to=B)
            await asyncio.sleep(3)
        assert len(network.to(B, 3.3)) == 3
        assert not any(request.entries for _, request in network.to(B, 3.3))

    run(main())


def test_a_peer_of_a_version_without_orders_is_not_waited_for():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            network.listeners[B].inbox._listen = lambda _statement: Receipt(in_step=True, ledger="")
            await asyncio.sleep(3.3)
            keys, began = ordering(mesh), network.clock()
            assert await mesh.agreed(keys, timeout=2) == Agreement((), (B,))
            assert network.clock() == began

    run(main())
