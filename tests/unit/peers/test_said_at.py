"""`said_at`: never later than the moment a message was made, whatever the clocks show and however long it was under way."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.outbox import Outbox
from support.channel import NODES, SECRET, A, B, Link, Words, services

PAUSE = st.floats(0, 3600)
FINE = Receipt(in_step=True, ledger="")


@settings(deadline=None)
@given(st.floats(0, 1e7), st.floats(0, 1e7), st.lists(st.tuples(PAUSE, PAUSE, PAUSE), min_size=1, max_size=8))
def test_it_is_a_lower_bound_for_any_clocks_delays_and_freezes(clock_a, clock_b, rounds):
    now, said, took = [0.0], [], 0.0
    inbox = Inbox(B, NODES, SECRET, lambda s: said.append(s.said_at) or FINE, lambda: now[0] + clock_b)
    outbox = Outbox(A, B, SECRET, Words(), lambda: now[0] + clock_a)
    for before, there, back in rounds:
        now[0] += before  # the sender waits, or is frozen
        made = now[0] + clock_b
        sent = outbox.build()
        now[0] += there  # the message is under way, or either end is frozen
        answer = inbox.receive(sent.body, sent.mac)
        if said:
            assert said[-1] <= made + 1e-6
            assert said[-1] >= made - took - 0.01
            said.clear()
        now[0] += back
        took = back
        outbox.confirmed(sent, answer.body, answer.mac)


def test_it_is_exact_to_the_time_the_last_answer_took():
    link = Link(offset_a=-500, offset_b=77_000)
    link.exchange(0.05)
    link.now += 10
    link.send()
    made = link.now + link.offset_b
    link.now += 30
    link.deliver()
    assert 0 <= made - link.listener.statements[-1].said_at <= 0.06


def test_a_clock_that_runs_fast_makes_a_message_younger_by_no_more_than_it_gained():
    now, said = [0.0], []
    inbox = Inbox(B, NODES, SECRET, lambda s: said.append(s.said_at) or FINE, lambda: 100 + now[0])
    outbox = Outbox(
        A, B, SECRET, Words(), lambda: 1.001 * now[0]
    )  # ten times what a crystal is off at its worst
    for _ in range(3):
        sent = outbox.build()
        made = 100 + now[0]
        now[0] += 2
        answer = inbox.receive(sent.body, sent.mac)
        outbox.confirmed(sent, answer.body, answer.mac)
        now[0] += 1
    assert said[-1] <= made + 0.001


def test_a_message_without_an_echo_is_of_unknown_age_and_tells_nothing():
    link = Link()
    link.speaker.put(services("www.example.test")[0])
    link.exchange()
    outbox = link.speaker.outbox
    outbox._echo = None
    link.exchange()
    assert link.listener.statements[-1].said_at == float("-inf")
    assert not link.listener.peer.ever_heard
    assert not [*link.listener.peer.table.services()]
    link.heal()
    assert link.listener.peer.in_step


def test_what_was_under_way_for_longer_than_votes_live_is_dropped_and_said_again():
    link = Link(vote_ttl=4.0)
    link.heal()
    link.speaker.put(services("www.example.test")[0])
    link.send()
    link.now += 4.5  # under way, or both frozen
    link.deliver()
    assert link.listener.statements[-1].votes
    assert not [*link.listener.peer.table.services()]
    assert not link.listener.peer.fresh(link.now, 4.0)
    link.reply()
    link.heal()
    assert [*link.listener.peer.table.services()] == ["www.example.test"]
    assert link.listener.peer.fresh(link.now, 4.0)
