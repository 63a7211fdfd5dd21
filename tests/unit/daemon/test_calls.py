"""Calls of endpoints, to this node or to a peer: what is noted, passed on and looked at."""

from types import SimpleNamespace

import pytest

from rrdnsd.compose import heartbeats
from rrdnsd.core.calls import Call
from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.core.votes import Statement
from rrdnsd.probes.heartbeat import Beat, Board

KEY, STRANGER = EndpointKey("push.example.test", "192.0.2.1"), EndpointKey("push.example.test", "192.0.2.9")
PEER = "10.0.0.2:3333"


class House:
    def __init__(self):
        self.now = 1000.0
        self.looks, self.passed = [], []
        self.endpoint = SimpleNamespace(last=None)
        self.runtime = SimpleNamespace(
            engine=SimpleNamespace(endpoints={KEY: self.endpoint}),
            clock=lambda: self.now,
            look=self.looks.append,
        )
        self.board = Board(self.runtime.clock)
        self.take = heartbeats.taking(self.board, self.runtime, self.passed.append)

    def hear(self, *calls, said_at=1000.0):
        statement = Statement(PEER, said_at, electorate="e", digest="d", beats=calls)
        heartbeats.hear(self.board, self.runtime, statement)


@pytest.fixture
def house():
    return House()


def test_a_call_to_this_node_is_noted_and_passed_on(house):
    assert house.take(KEY, "disk full")
    assert house.board.beats == {KEY: Beat(1000.0, "disk full")}
    assert house.passed == [Call(KEY, 0.0, "disk full")]


def test_a_call_of_a_stranger_is_neither(house):
    assert not house.take(STRANGER, "")
    house.hear(Call(STRANGER, 0.0))
    assert (house.board.beats, house.passed, house.looks) == ({}, [], [])


def test_a_call_to_a_peer_is_noted_with_its_age_and_not_passed_on(house):
    house.hear(Call(KEY, 2.0, "disk full"), said_at=999.5)
    assert house.board.beats == {KEY: Beat(997.5, "disk full")}
    assert house.passed == []


def test_the_later_call_counts_wherever_it_was_made(house):
    house.take(KEY, "")
    house.hear(Call(KEY, 0.5, "disk full"))
    assert house.board.beats[KEY].trouble == ""
    house.now += 1
    house.hear(Call(KEY, 0.5, "disk full"), said_at=1001.0)
    assert house.board.beats[KEY].trouble == "disk full"


def test_a_message_of_unknown_age_proves_nothing(house):
    house.hear(Call(KEY, 0.0), said_at=float("-inf"))
    assert house.board.beats == {}


@pytest.mark.parametrize(
    ("last", "said", "looks"),
    [
        (None, "", 1),
        ("", "", 0),
        ("", "disk full", 1),
        ("disk full", "disk full", 0),
        ("disk full", "", 1),
        ("its last call was 31 s ago, at most 30 s are allowed", "", 1),
    ],
)
def test_a_probe_looks_at_once_where_the_last_one_said_something_else(house, last, said, looks):
    house.endpoint.last = None if last is None else ProbeResult(not last, last, Timings(0.1))
    house.take(KEY, said)
    house.now += 1
    assert house.looks == [KEY] * looks
    house.hear(Call(KEY, 0.0, said), said_at=1001.0)
    assert house.looks == [KEY] * looks * 2
