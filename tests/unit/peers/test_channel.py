"""Outbox and inbox over a channel that loses, delays, repeats and reorders: once it heals, the tables are equal."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes
from rrdnsd.peers import wire
from support.channel import DOWN, UP, Link, content, in_step, services

NAMES = tuple(f"{letter}.example.test" for letter in "abcde")
ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
OPERATIONS = (
    "send", "deliver", "reply", "exchange", "vote", "put", "drop", "older", "wait", "restart a", "restart b",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 30)), max_size=40)


def perform(link, operation, number):
    speaker, name = link.speaker, NAMES[number % len(NAMES)]
    if operation == "vote" and not speaker.words.table.get(name):
        operation = "put"
    doing = {
        "send": link.send,
        "deliver": link.deliver,
        "reply": lambda: link.reply(number),
        "exchange": lambda: link.exchange(number / 10),
        "older": lambda: link.deliver(number),
        "wait": lambda: link.wait(number / 5),
        "vote": lambda: speaker.vote(name, ADDRESSES[number % len(ADDRESSES)], DOWN if number % 2 else UP),
        "put": lambda: speaker.put(ServiceVotes(name, f"definition {number % 3}", {ADDRESSES[0]: UP})),
        "drop": lambda: speaker.drop(name),
        "restart a": link.restart_sender,
        "restart b": link.restart_receiver,
    }
    doing[operation]()


@settings(max_examples=150, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-900, 1e6), STEPS)
@example(0.0, 0.0, [("put", 1), ("exchange", 1), ("drop", 1), ("send", 0), ("restart b", 0)])
def test_after_the_channel_heals_the_receiver_holds_what_the_sender_says(offset_a, offset_b, steps):
    link = Link(offset_a, offset_b)
    stated = set()
    for operation, number in steps:
        perform(link, operation, number)
        stated.add(link.speaker.words.table.digest)
        if (
            link.listener.peer.in_step
        ):  # whatever happens, it believes only what was whole and true at some time
            assert link.listener.peer.table.digest in stated
    link.give_up()
    link.heal()
    assert in_step(link)
    assert link.listener.peer.fresh(link.now + link.offset_b, 4.0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 30), max_size=20),
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=40),
)
def test_a_statement_never_counts_twice_nor_after_a_later_one(waits, deliveries):
    link = Link()
    link.heal(1)
    for number, wait in enumerate(waits):
        link.speaker.put(ServiceVotes(NAMES[number % 5], f"definition {number}", {}))
        link.send()
        link.now += wait / 10
    order = []
    for which, answered in deliveries:
        known = len(link.listener.statements)
        link.deliver(which)
        if answered:
            link.reply()
        order += [statement.digest for statement in link.listener.statements[known:]]
    assert len(order) == len(set(order))
    said = [wire.parse_request(message.body).digest for message in link.seen]
    positions = [len(said) - 1 - said[::-1].index(digest) for digest in order]
    assert positions == sorted(positions)


def test_a_change_of_one_vote_travels_alone():
    link = Link()
    for votes in services(*NAMES, endpoints=30):
        link.speaker.put(votes)
    link.heal()
    link.speaker.vote(NAMES[0], "192.0.2.7", DOWN)
    assert link.exchange() is False
    request = wire.parse_request(link.seen[-1].body)
    assert [*request.services] == [NAMES[0]]
    assert request.span is None
    assert in_step(link)
    assert link.listener.peer.table[NAMES[0]].ballots["192.0.2.7"] == DOWN


def test_a_lost_vote_goes_out_again_with_the_next_message():
    link = Link()
    for votes in services(*NAMES):
        link.speaker.put(votes)
    link.heal()
    link.speaker.vote(NAMES[0], "192.0.2.1", DOWN)
    link.send()
    link.give_up()
    assert link.exchange() is False
    request = wire.parse_request(link.seen[-1].body)
    assert ([*request.services], request.span) == ([NAMES[0]], None)
    assert in_step(link)


def test_a_heartbeat_is_small_and_says_nothing_twice():
    link = Link()
    for votes in services(*(f"s{number}.example.test" for number in range(100)), endpoints=10):
        link.speaker.put(votes)
    link.heal()
    link.exchange()
    request = wire.parse_request(link.seen[-1].body)
    assert (request.services, request.span, request.suspects) == ({}, None, [])
    assert len(link.seen[-1].body) < 400


def test_a_service_that_is_gone_is_told_by_pages_even_if_the_first_one_is_lost():
    link = Link()
    for votes in services(*NAMES):
        link.speaker.put(votes)
    link.heal()
    link.speaker.drop(NAMES[2])
    link.send()
    link.give_up()
    link.exchange()
    assert wire.parse_request(link.seen[-1].body).span == ("", None)
    assert in_step(link)


def test_a_full_table_of_10_000_endpoints_converges_in_messages_of_bounded_size():
    link = Link()
    reason = "timeout after 2 s in TLS handshake, " * 6
    for number in range(1000):
        ballots = {f"2001:db8:{number:x}::{n:x}": Ballot(State.DOWN, reason) for n in range(10)}
        link.speaker.put(
            ServiceVotes(f"service-{number}.some-zone.example.test", "0123456789abcdef", ballots)
        )
    link.speaker.restart()  # it has a table and nothing unconfirmed: only the digest tells that B needs it
    messages = link.heal(2)
    assert in_step(link)
    assert content(link.listener.peer.table) == content(link.speaker.words.table)
    assert messages <= 10_000 // wire.PAGE + 8
    assert link.largest < wire.MAX_BODY
    assert link.largest < 250_000


def test_a_mass_failure_is_told_in_messages_of_bounded_size():
    link = Link()
    names = [f"s{number:04}.example.test" for number in range(400)]
    for votes in services(*names, endpoints=100):
        link.speaker.put(votes)
    link.speaker.restart()
    link.heal(2, most=400)
    for name in names:
        for number in range(1, 3):
            link.speaker.vote(name, f"192.0.2.{number}", DOWN)
    link.heal(1, most=400)
    assert in_step(link)
    assert link.largest < wire.MAX_BODY


def test_the_largest_service_that_dns_can_carry_fits_into_a_message_without_its_reasons():
    link = Link()
    reason = "\x00" * wire.MAX_REASON  # six bytes each in JSON
    ballots = {f"2001:db8:aaaa:bbbb:cccc:dddd:eeee:{n:04x}": Ballot(State.DOWN, reason) for n in range(6000)}
    link.speaker.put(ServiceVotes("www.example.test", "d", ballots))
    link.heal()
    assert in_step(link)
    assert link.largest < wire.MAX_BODY
    assert {ballot.reason for ballot in link.listener.peer.table["www.example.test"].ballots.values()} == {""}


def test_a_suspicion_goes_out_once_and_again_only_if_the_session_was_refused():
    link, key = Link(), EndpointKey(NAMES[0], ADDRESSES[0])
    link.heal(1)
    link.speaker.outbox.suspected(key)
    link.exchange()
    link.exchange()
    assert [statement.suspects for statement in link.listener.statements[-2:]] == [(key,), ()]

    link.speaker.outbox.suspected(key)
    link.listener.restart()
    assert link.exchange()
    link.exchange()
    assert link.listener.statements[-1].suspects == (key,)

    link.speaker.outbox.suspected(key)
    link.send()
    link.give_up()  # a time-out is longer than a suspicion is worth anything
    link.exchange()
    assert link.listener.statements[-1].suspects == ()


def test_more_suspicions_than_fit_are_dropped_and_not_queued():
    link = Link()
    for number in range(5000):
        link.speaker.outbox.suspected(
            EndpointKey("www.example.test", f"192.0.{number // 250}.{number % 250}")
        )
    link.heal(1)
    assert len(link.listener.statements[0].suspects) == wire.PAGE
    assert all(not statement.suspects for statement in link.listener.statements[1:])


def test_votes_cast_while_pages_go_out_follow_them():
    link = Link()
    names = [f"s{number:04}.example.test" for number in range(200)]
    for votes in services(*names, endpoints=10):
        link.speaker.put(votes)
    link.speaker.restart()
    link.exchange()  # begins the session
    assert link.exchange()  # a heartbeat, of which B does not know the digest
    link.exchange()  # the first page
    link.speaker.vote(names[0], "192.0.2.1", DOWN)
    link.heal(1)
    assert in_step(link)


def test_both_ends_restart_at_the_same_time():
    link = Link()
    for votes in services(*NAMES):
        link.speaker.put(votes)
    link.heal()
    link.speaker.restart()
    link.listener.restart()
    assert link.exchange()
    assert link.exchange()
    link.exchange()
    assert in_step(link)
