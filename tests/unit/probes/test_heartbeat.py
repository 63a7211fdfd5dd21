import asyncio

import pytest

from rrdnsd.core.model import EndpointKey
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.heartbeat import Beat, Board, build, judge

KEY = EndpointKey("push.example.test", "192.0.2.1")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def board(clock):
    return Board(clock)


def made(board, within=30.0):
    options = {"within": within, "board": board}
    return build(CheckSpec("heartbeat://{}", "push.example.test", 2.0, options=options), KEY)


@pytest.mark.parametrize(
    ("beat", "reason"),
    [
        (Beat(1000.0), ""),
        (Beat(970.0), ""),
        (Beat(969.0), "its last call was 31 s ago, at most 30 s are allowed"),
        (Beat(990.0, "disk full"), "disk full"),
        (None, "it has not called in 30 s"),
    ],
)
def test_what_a_call_is_worth(beat, reason):
    assert judge(beat, 1000.0, 30.0) == reason


async def test_an_endpoint_is_up_while_it_calls(board, clock):
    probe = made(board)
    board.beat(KEY)
    assert (await probe.probe()).ok
    clock.now += 31
    assert not (await probe.probe()).ok
    board.beat(KEY)
    assert (await probe.probe()).ok


async def test_after_the_start_nothing_is_said_until_it_calls(board):
    probe = made(board)
    waiting = asyncio.create_task(probe.probe())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    board.beat(KEY)
    assert (await asyncio.wait_for(waiting, 5)).ok


async def test_or_until_it_has_had_its_time(board, clock):
    probe = made(board, within=0.02)
    waiting = asyncio.create_task(probe.probe())
    await asyncio.sleep(0)
    clock.now += 1
    result = await asyncio.wait_for(waiting, 5)
    assert (result.ok, result.reason) == (False, "it has not called in 0.02 s")


async def test_once_the_start_is_over_an_unknown_endpoint_is_down_at_once(board, clock):
    clock.now += 31
    assert not (await made(board).probe()).ok


def test_an_older_call_does_not_replace_a_later_one(board):
    assert board.beat(KEY, age=5.0)
    assert not board.beat(KEY, "late news", age=10.0)
    assert board.beats[KEY] == Beat(995.0)
    assert board.beat(KEY, "news", age=1.0)


def test_endpoints_that_are_gone_are_forgotten(board):
    board.beat(KEY)
    board.beat(EndpointKey("other.test", "192.0.2.1"))
    board.keep_only(frozenset({KEY}))
    assert list(board.beats) == [KEY]


async def test_where_nobody_can_call_an_endpoint_is_taken_to_be_well():
    probe = build(CheckSpec("heartbeat://{}", "x.test", 2.0, options={"within": 30.0}), KEY)
    assert (await probe.probe()).ok


def test_another_template_is_refused():
    with pytest.raises(ConfigError, match="is not of the form"):
        build(CheckSpec("heartbeat://{}:1", "x.test", 2.0), KEY)
