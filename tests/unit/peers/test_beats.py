"""The calls of endpoints travel to each peer once, with their age, and those of one moment together."""

import asyncio

import pytest

from rrdnsd.core.calls import Call
from rrdnsd.core.model import EndpointKey
from rrdnsd.peers import wire
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import TOGETHER
from rrdnsd.peers.outbox import Outbox
from support.channel import NODES, SECRET, A, B, Words
from support.virtual_time import run
from unit.peers.test_mesh import LATENCY, Network, meshed


def key(number=1):
    return EndpointKey("push.example.test", f"192.0.2.{number}")


class Pair:
    """A and B with clocks that have nothing to do with each other."""

    def __init__(self):
        self.now = 0.0
        self.heard = []
        self.outbox = Outbox(A, B, SECRET, Words(), lambda: self.now)
        self.inbox = Inbox(B, NODES, SECRET, self.listen, self.there)
        self.exchange()  # the first message only gets a session

    def there(self):
        return 5000.0 + self.now

    def listen(self, statement):
        self.heard += [
            (call.key, self.there() - statement.said_at + call.age, call.trouble) for call in statement.beats
        ]
        return Receipt(True, statement.ledger)

    def exchange(self):
        sent = self.outbox.build()
        answer = self.inbox.receive(sent.body, sent.mac)
        return self.outbox.confirmed(sent, answer.body, answer.mac)


def test_a_call_arrives_once_with_its_age():
    pair = Pair()
    pair.outbox.called(Call(key(), 1.5, "disk full"))
    pair.now += 2.0
    assert not pair.exchange()
    assert pair.heard == [(key(), pytest.approx(3.5, abs=0.01), "disk full")]
    pair.exchange()
    assert len(pair.heard) == 1


def test_a_call_whose_message_was_lost_comes_with_the_next_one_and_is_older_then():
    pair = Pair()
    pair.outbox.called(Call(key(), 0.0))
    pair.outbox.lost(pair.outbox.build())
    pair.now += 10.0
    pair.exchange()
    assert pair.heard == [(key(), pytest.approx(10.0, abs=0.01), "")]


def test_a_message_that_was_long_on_its_way_makes_a_call_no_younger():
    pair = Pair()
    pair.outbox.called(Call(key(), 0.0))
    sent = pair.outbox.build()
    pair.now += 60.0
    pair.inbox.receive(sent.body, sent.mac)
    assert pair.heard == [(key(), pytest.approx(60.0, abs=0.01), "")]


def test_only_the_last_call_of_an_endpoint_is_said():
    pair = Pair()
    pair.outbox.called(Call(key(), 0.0, "disk full"))
    pair.now += 1.0
    pair.outbox.called(Call(key(), 0.0))
    pair.exchange()
    assert pair.heard == [(key(), pytest.approx(0.0, abs=0.01), "")]


def test_a_call_that_comes_while_the_message_is_under_way_goes_out_with_the_next():
    pair = Pair()
    pair.outbox.called(Call(key(), 0.0))
    sent = pair.outbox.build()
    pair.now += 1.0
    pair.outbox.called(Call(key(), 0.0))
    answer = pair.inbox.receive(sent.body, sent.mac)
    assert not pair.outbox.confirmed(sent, answer.body, answer.mac)  # the mesh is about to be told anyway
    pair.exchange()
    assert [age for _, age, _ in pair.heard] == [pytest.approx(1.0, abs=0.01), pytest.approx(0.0, abs=0.01)]


def test_many_calls_take_as_few_messages_as_they_fit_into():
    pair = Pair()
    keys = [EndpointKey("push.example.test", f"2001:db8::{number:x}") for number in range(500)]
    for each in keys:
        pair.outbox.called(Call(each, 0.0, "ä" * wire.MAX_REASON))
    rounds = 1
    while pair.exchange():
        rounds += 1
    assert [each for each, _, _ in pair.heard] == keys
    assert rounds == -(-500 // wire.MAX_BEATS)


def test_calls_of_one_moment_go_out_together_and_those_of_the_next_after_a_while():
    async def main():
        network = Network()
        async with meshed(network) as mesh:
            await asyncio.sleep(3.3)
            for number in range(100):
                mesh.called(Call(key(number), 0.0))
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.1)
        busy = [(at, request.beats) for at, request in network.to(B, 3.3) if request.beats]
        assert busy[0][0] == pytest.approx(3.3 + TOGETHER)
        assert 2 <= len(busy) <= 1 + 0.1 / TOGETHER
        assert sum(len(beats) for _, beats in busy) == 100
        assert LATENCY < TOGETHER

    run(main())


def test_a_node_without_peers_takes_calls_as_well():
    async def main():
        network = Network()
        async with meshed(network, (A,)) as mesh:
            mesh.called(Call(key(), 0.0))
            await asyncio.sleep(1)
        assert not network.posts

    run(main())


@pytest.mark.parametrize(
    "beat", ['["a.test","192.0.2.1",-1,""]', '["a.test","192.0.2.1",0]', '["a.test","192.0.2.1",0.5,""]']
)
def test_a_call_that_makes_no_sense_is_malformed(beat):
    head = '{"sender":"a","receiver":"b","session":"","seq":1,"electorate":"e","digest":"d","beats":'
    with pytest.raises(wire.WireError, match=r"beats\.0"):
        wire.parse_request(f"{head}[{beat}]}}".encode())
