import asyncio

import pytest

from rrdnsd.web import doorkeeper
from rrdnsd.web.doorkeeper import KEPT_FOR_NODES, MOST, MOST_LOCAL, Doorkeeper, Patience


class Talk:
    def __init__(self, asked=True):
        self.asked = asked
        self.aborted = asyncio.Event()

    def is_asked(self):
        return self.asked

    def abort(self):
        self.aborted.set()


@pytest.fixture
def door():
    return Doorkeeper(lambda host: host == "10.0.0.2")


def fill(door, host, asked=True):
    """Let in as many as there is room for, without making any."""
    talks = []
    while not door._is_full("local" if host is None else "nodes" if door.is_node(host) else "others"):
        talks.append(Talk(asked))
        assert door.lets_in(talks[-1], host)
    return talks


def test_strangers_leave_room_for_nodes_and_the_administrator(door):
    assert len(fill(door, "192.0.2.1")) == MOST - KEPT_FOR_NODES
    assert not door.lets_in(Talk(), "192.0.2.2")
    assert len(fill(door, "10.0.0.2")) == KEPT_FOR_NODES
    assert not door.lets_in(Talk(), "10.0.0.2")
    assert len(fill(door, None)) == MOST_LOCAL
    assert not door.lets_in(Talk(), None)


def test_the_one_that_is_idle_for_longest_makes_room(door):
    talks = fill(door, "192.0.2.1", asked=False)
    door.speaks(talks[0])
    talks[1].asked = True
    assert door.lets_in(Talk(), "192.0.2.2")
    assert [number for number, talk in enumerate(talks) if talk.aborted.is_set()] == [2]


def test_idle_strangers_do_not_cost_a_node_its_place(door):
    nodes = fill(door, "10.0.0.2", asked=False)
    assert not door.lets_in(Talk(), "192.0.2.1")
    assert not any(talk.aborted.is_set() for talk in nodes)


def test_who_leaves_makes_room(door):
    talks = fill(door, "192.0.2.1")
    door.leaves(talks[0])
    assert door.lets_in(Talk(), "192.0.2.1")


async def test_a_request_must_come_in_time_however_often_a_byte_of_it_does(monkeypatch):
    monkeypatch.setattr(doorkeeper, "REQUEST_SECONDS", 0.2)
    talk = Talk(asked=False)
    patience = Patience(talk, asyncio.get_running_loop())
    patience.wait()
    async with asyncio.timeout(10):
        while not talk.aborted.is_set():
            patience.heard(1)
            await asyncio.sleep(0.01)


async def test_an_answer_may_take_its_time(monkeypatch):
    monkeypatch.setattr(doorkeeper, "REQUEST_SECONDS", 0.01)
    talk = Talk(asked=False)
    patience = Patience(talk, asyncio.get_running_loop())
    patience.wait()
    talk.asked = True
    patience.heard(100)
    await asyncio.sleep(0.05)
    assert not talk.aborted.is_set()


async def test_headers_without_end():
    talk = Talk(asked=False)
    patience = Patience(talk, asyncio.get_running_loop())
    patience.wait()
    for _ in range(7):
        patience.heard(10_000)
    assert talk.aborted.is_set()
    patience.rest()
