"""What is said of the list of nodes travels unharmed, reaches and comes from strangers, and costs old nodes nothing."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.membership import Accepted, Change, Proposal, Round, Said
from rrdnsd.peers import wire
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import CONFLICT, FORBIDDEN, OK, Inbox
from rrdnsd.peers.mesh import Mesh
from rrdnsd.peers.outbox import Outbox
from support.channel import NODES, SECRET, A, B, C, Words
from support.virtual_time import run

D = "10.0.0.4:3333"
FIRST = Said("base")
LATER = Said("base", 1, (*NODES, D))
FINE = Receipt(in_step=True, ledger="0" * 32)

names = st.text("0123456789.:ä", max_size=20)
rounds = st.builds(Round, st.integers(0, 2**53 - 1), names)
changes = st.builds(Change, st.sampled_from(["add", "remove"]), names)
whole = st.builds(
    Said,
    base=st.text("0123456789abcdef", max_size=32),
    version=st.integers(0, 2**53 - 1),
    nodes=st.lists(names, max_size=5).map(tuple),
    promised=rounds,
    accepted=st.none() | st.builds(Accepted, rounds, changes),
    proposal=st.none() | st.builds(Proposal, rounds, st.none() | changes),
    able=st.booleans(),
)


@dataclass
class Listed:
    """Says what it is told to say, and remembers what it hears."""

    said: Said = FIRST
    heard: list = field(default_factory=list)
    on_heed: object = lambda: None

    def heed(self, node, said):
        self.heard.append((node, said))
        self.on_heed()


def node_b(listed, nodes=NODES):
    return Inbox(B, nodes, SECRET, lambda _statement: FINE, lambda: 5000.0, listed)


def node_a(listed, me=A):
    return Outbox(me, B, SECRET, Words(), lambda: 1.0, listed)


def send(outbox, inbox, identity=lambda _node: True):
    sent = outbox.build()
    answer = inbox.receive(sent.body, sent.mac, identity)
    return sent, answer


@given(whole)
def test_nothing_is_lost_on_the_way(said):
    listed = Listed()
    send(node_a(Listed(said)), node_b(listed))
    assert listed.heard == [(A, said)]


def test_the_answer_tells_who_is_behind_and_only_then():
    listed = Listed()
    outbox = node_a(listed)
    sent, answer = send(outbox, node_b(Listed(LATER)))
    outbox.confirmed(sent, answer.body, answer.mac)
    assert listed.heard == [(B, LATER)]
    outbox = node_a(listed)
    _, answer = send(outbox, node_b(Listed(FIRST)))
    assert wire.parse_reply(answer.body).membership is None


def test_a_stranger_is_heard_and_told_but_nothing_else_counts(caplog):
    listed, knocking = Listed(LATER), Listed()
    inbox = node_b(listed, nodes=(B, C))
    outbox = node_a(knocking)
    sent, answer = send(outbox, inbox)
    assert answer.status == CONFLICT
    assert listed.heard == [(A, FIRST)]
    assert inbox.refusals.counts == {"unknown node": 1}
    assert "is not among the nodes" in caplog.text
    with pytest.raises(wire.WireError, match="does not take this node for one of its peers"):
        outbox.confirmed(sent, answer.body, answer.mac)
    assert knocking.heard == [(B, LATER)]


def test_a_stranger_who_brings_the_list_with_himself_in_it_is_known_at_once():
    listed = Listed()
    inbox = node_b(listed, nodes=(B, C))
    listed.on_heed = lambda: inbox.reseat((A, B, C))
    _, answer = send(node_a(Listed(LATER)), inbox)
    assert answer.status == CONFLICT
    assert wire.parse_reply(answer.body).error == "session"


def test_who_shows_another_certificate_is_not_heard():
    listed = Listed()
    _, answer = send(node_a(Listed(LATER)), node_b(listed, nodes=(B, C)), lambda _node: False)
    assert answer.status == FORBIDDEN
    assert listed.heard == []


def test_a_message_for_somebody_else_is_not_heard():
    listed = Listed()
    inbox = Inbox(C, NODES, SECRET, lambda _statement: FINE, lambda: 5000.0, listed)
    assert send(node_a(Listed(LATER)), inbox)[1].status == FORBIDDEN
    assert listed.heard == []


def test_a_message_with_another_secret_is_not_heard():
    listed = Listed()
    inbox = Inbox(B, NODES, b"another secret, long enough", lambda _s: FINE, lambda: 5000.0, listed)
    send(node_a(Listed(LATER)), inbox)
    assert listed.heard == []


def test_nodes_that_know_nothing_of_it_talk_as_before():
    listed = Listed()
    outbox, inbox = node_a(None), node_b(listed)
    sent, answer = send(outbox, inbox)
    outbox.confirmed(sent, answer.body, answer.mac)
    assert send(outbox, inbox)[1].status == OK
    assert listed.heard == []
    assert send(node_a(None), node_b(listed, nodes=(B, C)))[1].status == FORBIDDEN
    outbox, inbox = node_a(listed), node_b(None)
    sent, answer = send(outbox, inbox)
    outbox.confirmed(sent, answer.body, answer.mac)
    assert send(outbox, inbox)[1].status == OK
    assert listed.heard == []


def test_sessions_of_nodes_that_stay_go_on():
    inbox = node_b(Listed())
    outbox = node_a(Listed())
    sent, answer = send(outbox, inbox)
    outbox.confirmed(sent, answer.body, answer.mac)
    inbox.reseat((A, B, D))
    assert send(outbox, inbox)[1].status == OK
    inbox.reseat((B, D))
    assert send(outbox, inbox)[1].status == CONFLICT
    inbox.reseat((A, B, D))
    _, answer = send(outbox, inbox)
    assert (answer.status, wire.parse_reply(answer.body).error) == (CONFLICT, "session")


def test_lines_come_and_go_while_the_mesh_runs():
    posts = []

    @contextlib.asynccontextmanager
    async def carrier():
        async def post(node, message):
            posts.append((node, wire.parse_request(message.body).seq))
            await asyncio.sleep(0.01)
            raise OSError("nobody there")

        yield post

    async def talk():
        loop = asyncio.get_running_loop()
        mesh = Mesh(A, (A,), SECRET, Words(), carrier, loop.time, 1.0, Listed())
        task = loop.create_task(mesh.run())
        await asyncio.sleep(3)
        assert posts == []
        mesh.reseat((A, B, C))
        await asyncio.sleep(0.1)
        assert posts == [(B, 1), (C, 1)]
        mesh.reseat((C, A, D))
        mesh.nudge()
        await asyncio.sleep(2)
        later = posts[2:]
        assert {node for node, _ in later} == {C, D}
        assert (C, 2) in later
        mesh.reseat((B, C))  # this node was removed: it still hears who takes it back
        await asyncio.sleep(2)
        assert {node for node, _ in posts[-3:]} == {B, C}
        mesh.reseat((A,))
        known = len(posts)
        await asyncio.sleep(5)
        assert len(posts) == known
        assert not task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run(talk())


def test_lines_that_are_set_before_the_mesh_runs_are_the_ones_that_speak():
    async def talk():
        loop = asyncio.get_running_loop()
        posts = []

        @contextlib.asynccontextmanager
        async def carrier():
            async def post(node, _message):
                posts.append(node)
                await asyncio.sleep(0.01)
                raise OSError

            yield post

        mesh = Mesh(A, NODES, SECRET, Words(), carrier, loop.time, 1.0)
        mesh.reseat((A, D))
        task = loop.create_task(mesh.run())
        await asyncio.sleep(0.1)
        assert posts == [D]
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run(talk())
