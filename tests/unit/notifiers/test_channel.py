"""A channel at work on a clock that jumps: an hour of a receiver that is away takes no time."""

import asyncio
import itertools

import pytest

from rrdnsd.core.telling import Kind, Severity, Told
from rrdnsd.daemon.announcing.board import Board, Rules
from rrdnsd.daemon.announcing.channel import FINAL_TRIES, Channel
from rrdnsd.daemon.announcing.conditions import Conditions, Subject
from rrdnsd.daemon.backoff import Backoff
from rrdnsd.errors import NotifierError
from rrdnsd.notifiers.message import MOST_LISTED
from rrdnsd.notifiers.queue import Queue
from support import virtual_time
from support.eventually import eventually


def endpoint(number, service="www.example.com"):
    return Subject(Kind.ENDPOINT, service, f"2001:db8::{number:x}")


class Receiver:
    """Takes messages, or raises what `trouble` gives."""

    def __init__(self):
        self.taken = []
        self.tries = []
        self.trouble = lambda: None

    async def send(self, message):
        self.tries.append((asyncio.get_running_loop().time(), message))
        error = self.trouble()
        if error:
            raise error
        self.taken.append(message)
        return "ok"


class Scene:
    node = "10.0.0.1:3333"

    def __init__(self):
        self.shared = []
        self.others = ()
        self.is_quiet = False

    def before(self, _name):
        return self.others

    def quiet(self):
        return lambda _: self.is_quiet

    def share(self, marks):
        self.shared += marks


class Node:
    """One channel, and what it works with."""

    def __init__(self, folder=None, queue_size=1000, **rules):
        loop = asyncio.get_running_loop()
        self.conditions = Conditions(loop.time, lambda: 1e9 + loop.time())
        self.board = Board("hook", Rules(**rules), self.conditions)
        self.receiver, self.scene, self.told = Receiver(), Scene(), []
        self.queue = Queue(folder, queue_size, self.told.append)
        self.channel = Channel(
            self.board,
            self.queue,
            self.receiver,
            self.scene,
            loop.time,
            lambda: 1e9 + loop.time(),
            5.0,
            folder,
        )

    async def __aenter__(self):
        self.task = asyncio.create_task(self.channel.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    @property
    def titles(self):
        return [message.title for message in self.receiver.taken]


def virtual(test):
    def run():
        virtual_time.run(test())

    run.__name__ = test.__name__
    return run


@virtual
async def test_what_happens_at_once_is_one_message_with_the_counts_first():
    async with Node() as node:
        for number in range(30):
            node.conditions.trouble(endpoint(number, f"s{number % 3}.example.com"), "connection refused")
            await asyncio.sleep(0.01)
        await asyncio.sleep(5)
        (message,) = node.receiver.taken
        assert message.title == "30 endpoint down (3 services)"
        assert message.document["counts"] == [{"kind": "endpoint", "state": "down", "count": 30}]
        assert [e["service"] for e in message.document["events"]] == sorted(
            f"s{n % 3}.example.com" for n in range(30)
        )
        assert message.text.splitlines()[:3] == [message.title, "", "s0.example.com:"]
        assert len(node.scene.shared) == 30


@virtual
async def test_a_whole_service_is_a_message_of_its_own_and_the_first():
    async with Node() as node:
        node.conditions.trouble(endpoint(1), "x")
        node.conditions.trouble(Subject(Kind.SERVICE, "www.example.com"), "0 of 1 endpoints are up")
        await asyncio.sleep(5)
        assert [message.severity for message in node.receiver.taken] == ["critical", "warning"]
        assert node.titles[0] == "service www.example.com is down: 0 of 1 endpoints are up"


@virtual
async def test_an_hour_of_500_is_bridged_with_growing_pauses_and_nothing_is_lost():
    async with Node() as node:
        node.receiver.trouble = lambda: NotifierError("HTTP status 500")
        for number in range(4):
            node.conditions.trouble(endpoint(number), "x")
            await asyncio.sleep(900)
        tries = [at for at, _ in node.receiver.tries]
        assert 10 < len(tries) < 40
        assert max(b - a for a, b in itertools.pairwise(tries)) > 100
        assert node.scene.shared == []  # so that another node may try as well
        node.receiver.trouble = lambda: None
        await asyncio.sleep(400)
        assert [m.document["events"][0]["address"] for m in node.receiver.taken] == [
            f"2001:db8::{n:x}" for n in range(4)
        ]
        assert len(node.scene.shared) == 4
        assert node.channel.tally.failing == ""


@virtual
async def test_retry_after_is_honoured():
    async with Node() as node:
        node.receiver.trouble = lambda: NotifierError("HTTP status 429", 1000.0)
        node.conditions.trouble(endpoint(1), "x")
        await asyncio.sleep(990)
        assert len(node.receiver.tries) == 1
        await asyncio.sleep(30)
        assert len(node.receiver.tries) == 2


@virtual
async def test_what_is_never_taken_is_given_up_and_not_begun_again():
    async with Node() as node:
        node.receiver.trouble = lambda: NotifierError("HTTP status 404", final=True)
        node.conditions.trouble(endpoint(1), "x")
        await asyncio.sleep(3600)
        assert len(node.receiver.tries) == FINAL_TRIES
        assert node.channel.tally.given_up == 1
        assert node.board.open == ()


@virtual
async def test_a_bug_in_a_notifier_is_a_failure_like_others():
    async with Node() as node:
        node.receiver.trouble = lambda: ZeroDivisionError() if len(node.receiver.tries) < 3 else None
        node.conditions.trouble(endpoint(1), "x")
        await asyncio.sleep(60)
        assert len(node.receiver.taken) == 1


@virtual
async def test_one_that_hangs_is_cut_off():
    async with Node() as node:
        real = node.receiver.send

        async def hang(message):
            if not node.receiver.tries:
                node.receiver.tries.append((0, message))
                await asyncio.sleep(1e6)
            return await real(message)

        node.receiver.send = hang
        node.conditions.trouble(endpoint(1), "x")
        await asyncio.sleep(30)
        assert len(node.receiver.taken) == 1


@virtual
async def test_ten_thousand_at_once_are_one_message_of_bounded_size():
    async with Node() as node:
        for number in range(10_000):
            node.conditions.trouble(endpoint(number, f"s{number % 100}.example.com"), "connection refused")
        await asyncio.sleep(10)
        (message,) = node.receiver.taken
        assert message.document["counts"] == [{"kind": "endpoint", "state": "down", "count": 10_000}]
        assert len(message.document["events"]) == MOST_LISTED
        assert message.document["omitted"] == 10_000 - MOST_LISTED
        assert len(message.body) < 300_000
        assert len(node.scene.shared) == 10_000


@virtual
async def test_a_queue_that_is_full_drops_the_oldest_and_counts():
    async with Node(queue_size=3) as node:
        node.receiver.trouble = lambda: NotifierError("away")
        for number in range(10):
            node.conditions.trouble(endpoint(number), "x")
            await asyncio.sleep(10)
        assert (len(node.queue), node.queue.dropped) == (3, 7)
        node.receiver.trouble = lambda: None
        await asyncio.sleep(400)
        assert node.titles[-3:] == [f"2001:db8::{n:x} of www.example.com is down: x" for n in (7, 8, 9)]


@virtual
async def test_what_another_node_has_told_meanwhile_is_not_sent_any_more():
    async with Node() as node:
        node.receiver.trouble = lambda: NotifierError("no connection")
        node.conditions.trouble(endpoint(1), "x")
        await asyncio.sleep(30)
        tries = len(node.receiver.tries)
        node.channel.hear([Told("hook", endpoint(1).text, "down", 2_000_000_000)])
        node.receiver.trouble = lambda: None
        await asyncio.sleep(600)
        assert len(node.receiver.tries) == tries
        assert len(node.queue) == 0


@virtual
async def test_recovery_and_reminder_say_how_long():
    async with Node(remind=3600.0) as node:
        node.conditions.trouble(endpoint(1), "x")
        await asyncio.sleep(2 * 3600 + 100)
        node.conditions.fine(endpoint(1))
        await asyncio.sleep(10)
        assert [title.partition(" is ")[2] for title in node.titles] == [
            "down: x",
            "still down: x",
            "still down: x",
            "up after 2 h 1 min",
        ]


@virtual
async def test_quiet_in_maintenance_and_told_after_it():
    async with Node() as node:
        node.scene.is_quiet = True
        node.conditions.trouble(endpoint(1), "x")
        node.conditions.trouble(endpoint(2), "x")
        await asyncio.sleep(60)
        node.conditions.fine(endpoint(1))
        assert node.receiver.tries == []
        node.scene.is_quiet = False
        await asyncio.sleep(10)
        assert node.titles == ["2001:db8::2 of www.example.com is down: x"]


async def test_the_queue_outlives_the_process(tmp_path):
    async with Node(tmp_path / "q", batch=0.01) as node:
        node.receiver.trouble = lambda: NotifierError("away")
        node.conditions.trouble(endpoint(1), "x")
        await eventually(lambda: node.receiver.tries)
    async with Node(tmp_path / "q", batch=0.01) as later:
        later.conditions.trouble(endpoint(1), "x")  # it still holds, and is already on its way
        await eventually(lambda: later.receiver.taken)
        await eventually(lambda: not len(later.queue))
        assert later.receiver.taken[0].id == node.receiver.tries[0][1].id
    async with Node(tmp_path / "q", batch=0.01) as last:
        last.conditions.trouble(endpoint(1), "x")  # people know
        last.conditions.trouble(endpoint(2), "x")
        await eventually(lambda: last.receiver.taken)
        assert last.titles == ["2001:db8::2 of www.example.com is down: x"]


async def test_files_that_are_damaged_are_left_out(tmp_path):
    folder = tmp_path / "q"
    folder.mkdir()
    for number, text in enumerate(
        ["", "{}", "[1]", '{"id": "x"}\n[]', '{"id": "x", "title": "y"}\n[[1]]'], 1
    ):
        (folder / f"{number:012}.json").write_text(text)
    (folder / "told.marks").write_text("[[1]]")
    async with Node(folder, batch=0.01) as node:
        node.conditions.trouble(endpoint(1), "x")
        await eventually(lambda: node.receiver.taken)
        assert node.queue.dropped == 5


@pytest.mark.parametrize("failures", [1, 5, 50])
def test_the_pauses_are_bounded_and_differ(failures):
    delays = {Backoff(1.0, 300.0).delay(failures) for _ in range(50)}
    assert len(delays) > 10
    assert all(0.5 <= delay <= 300 for delay in delays)


def test_severities_can_be_compared():
    assert Severity.INFO < Severity.WARNING < Severity.CRITICAL


async def test_a_trouble_that_ended_before_it_was_read_what_people_know_is_told_to_be_over(tmp_path):
    async with Node(tmp_path, batch=0.01) as node:
        node.conditions.trouble(endpoint(1), "x")
        node.conditions.trouble(endpoint(2), "x")
        await eventually(lambda: len(node.scene.shared) == 2)
        await eventually(lambda: not len(node.queue))
    async with Node(tmp_path, batch=0.01) as node:  # what follows comes before it could read a file
        node.conditions.fine(endpoint(1))
        node.conditions.trouble(endpoint(2), "x")
        node.conditions.fine(endpoint(3))
        await eventually(lambda: node.titles)
        await eventually(lambda: node.board.open == ())
        (message,) = node.receiver.taken
        told = [(event["address"], event["state"]) for event in message.document["events"]]
        assert told == [(endpoint(1).detail, "up")]
