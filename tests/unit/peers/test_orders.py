"""Orders between two nodes that both take them, over a channel that loses and repeats, while either is restarted."""

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core.ledger import MAX_VALUE, Entry, Ledger, Stamp, value_text
from rrdnsd.peers import courier, wire
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.courier import PATIENCE, Courier
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.outbox import Outbox
from support.channel import NODES, SECRET, A, B, C, Words, services

KEYS = tuple(f"drain|www.example.test|192.0.2.{number}" for number in range(1, 6))


@dataclass
class End:
    """One node: its ledger is kept over a restart as far as it was saved, all else is not."""

    me: str
    peer: str
    pair: "Pair"
    offset: float
    saved: list = field(default_factory=list)
    sent: object = None

    def __post_init__(self):
        self.start()

    def start(self):
        self.words = Words(ledger=Ledger())
        self.words.ledger.merge(self.saved)
        self.outbox = Outbox(self.me, self.peer, SECRET, self.words, self.clock)
        self.inbox = Inbox(self.me, NODES, SECRET, self.listen, self.clock)
        self.sent = None

    def clock(self):
        return self.pair.now + self.offset

    def listen(self, statement):
        news = self.words.ledger.merge(statement.entries)
        self.outbox.ordered([] if statement.node == self.peer else [entry.key for entry in news])
        return Receipt(in_step=True, ledger=self.words.ledger.digest)

    def order(self, key, value="{}", *, save=True):
        ledger = self.words.ledger
        entry = Entry(key, ledger.stamp(self.me, int(self.clock() * 1000) % 10**9), value)
        ledger.merge([entry])
        if save:
            self.saved.append(entry)
        self.outbox.ordered([key])
        return entry


class Pair:
    def __init__(self, offset=0.0):
        self.now = 1000.0
        self.a, self.b = End(A, B, self, 0.0), End(B, A, self, offset)
        self.bodies = []
        self.statements = []

    def send(self, end, *, arrives=True, answered=True):
        """A message and its answer; returns True if more is to be said at once."""
        other = self.b if end is self.a else self.a
        sent = end.outbox.build()
        self.bodies.append(len(sent.body))
        self.statements.append((end.me, wire.parse_request(sent.body)))
        self.now += 0.001
        answer = other.inbox.receive(sent.body, sent.mac) if arrives else None
        self.now += 0.001
        if answer and answered:
            return end.outbox.confirmed(sent, answer.body, answer.mac)
        end.outbox.lost(sent)
        return False

    def heal(self, heartbeats=4, most=1000):
        """Talk as two meshes do; returns how many messages it took."""
        count = 0
        for _ in range(heartbeats):
            talking = {self.a.me: True, self.b.me: True}
            while any(talking.values()):
                for end in (self.a, self.b):
                    if talking[end.me]:
                        count += 1
                        assert count < most
                        talking[end.me] = self.send(end)
            self.now += 1.0
        return count

    @property
    def equal(self):
        a, b = self.a.words.ledger, self.b.words.ledger
        assert (a.digest == b.digest) is ([*a] == [*b])
        return a.digest == b.digest


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["order", "lift", "send", "lose", "unanswered", "restart", "forget", "wait"]),
        st.booleans(),
        st.integers(0, 30),
    ),
    max_size=40,
)


def perform(pair, what, end, number):
    key = KEYS[number % len(KEYS)]
    {
        "order": lambda: end.order(key),
        "lift": lambda: end.order(key, None, save=number % 2 == 0),
        "send": lambda: pair.send(end),
        "lose": lambda: pair.send(end, arrives=False),
        "unanswered": lambda: pair.send(end, answered=False),
        "restart": end.start,
        "forget": lambda: (end.saved.clear(), end.start()),
        "wait": lambda: setattr(pair, "now", pair.now + number / 3),
    }[what]()


@settings(max_examples=150, deadline=None)
@given(st.floats(-900, 1e6), STEPS)
def test_after_the_channel_heals_both_have_the_same_ledger(offset, steps):
    pair = Pair(offset)
    for what, first, number in steps:
        perform(pair, what, pair.a if first else pair.b, number)
    pair.heal(12)
    assert pair.equal
    assert {entry.key for entry in pair.a.saved + pair.b.saved} <= set(pair.a.words.ledger.keys())


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_an_order_counts_as_known_only_if_the_peer_has_it_or_a_later_one(steps):
    pair, given_ = Pair(), []
    for what, first, number in steps:
        if what in {"restart", "forget"}:  # the peer that forgets has known it nevertheless
            continue
        perform(pair, what, pair.a if first else pair.b, number)
        if what in {"order", "lift"} and first:
            given_.append(pair.a.words.ledger.get(KEYS[number % len(KEYS)]))
        for entry in given_:
            if pair.a.outbox.knows([entry.key]):
                assert pair.b.words.ledger.get(entry.key).stamp >= entry.stamp


def entries_of(pair, me):
    return [[entry.key for entry in request.entries] for sender, request in pair.statements if sender == me]


def test_an_order_goes_out_at_once_and_once():
    pair = Pair()
    pair.heal()
    entry = pair.a.order(KEYS[0])
    assert not pair.a.outbox.knows([entry.key])
    assert pair.send(pair.a) is False
    assert pair.a.outbox.knows([entry.key])
    assert pair.b.words.ledger.get(KEYS[0]) == entry
    pair.statements.clear()
    pair.heal()
    assert not any(entries_of(pair, A) + entries_of(pair, B))


def test_an_order_that_changes_while_it_is_under_way_goes_out_again():
    pair = Pair()
    pair.heal()
    pair.a.order(KEYS[0])
    sent = pair.a.outbox.build()
    pair.a.order(KEYS[0], None)
    answer = pair.b.inbox.receive(sent.body, sent.mac)
    assert pair.a.outbox.confirmed(sent, answer.body, answer.mac) is True
    assert not pair.a.outbox.knows([KEYS[0]])
    pair.send(pair.a)
    assert pair.a.outbox.knows([KEYS[0]])
    assert pair.b.words.ledger.get(KEYS[0]).value is None


def test_after_a_restart_the_first_message_that_counts_brings_the_orders_given_meanwhile():
    pair = Pair()
    pair.heal()
    pair.b.start()
    pair.a.order(KEYS[0])
    assert pair.send(pair.a) is True  # another session is needed
    assert pair.b.words.ledger.get(KEYS[0]) is None
    pair.send(pair.a)
    assert pair.b.words.ledger.get(KEYS[0]) is not None


def test_a_node_that_has_lost_its_disk_is_given_everything_at_once_and_in_pages():
    pair = Pair()
    for number in range(1000):
        pair.a.order(f"drain|s{number}.example.test|192.0.2.1")
    pair.heal()
    assert pair.equal
    pair.b.saved.clear()
    pair.b.start()
    pair.statements.clear()
    began = pair.now
    while pair.send(pair.a):
        pass
    assert pair.equal
    assert pair.now - began < PATIENCE / 2
    assert max(map(len, entries_of(pair, A))) == wire.MAX_ENTRIES
    assert len(entries_of(pair, A)) <= 2 + 1000 / wire.MAX_ENTRIES


def test_ledgers_that_stay_different_are_pushed_more_and_more_seldom():
    """As with a peer of which nothing arrives here, although it has an order that is missing here."""
    pair = Pair()
    pair.a.order(KEYS[0])
    pair.heal()
    pair.b.order(KEYS[1])
    pair.statements.clear()
    for _ in range(600):
        pair.send(pair.a)
        pair.now += 1.0
    assert 5 < sum(map(bool, entries_of(pair, A))) < 20
    pair.heal(1)
    assert pair.equal


def test_a_stream_of_orders_from_both_sides_does_not_make_them_repeat_everything():
    pair = Pair()
    for number in range(500):
        pair.a.order(f"drain|s{number}.example.test|192.0.2.1")
    pair.heal()
    pair.statements.clear()
    for number in range(300):
        pair.a.order(KEYS[number % 2])
        pair.b.order(KEYS[2 + number % 2])
        pair.send(pair.a)
        pair.send(pair.b)
        pair.now += 0.1
    told = sum(map(len, entries_of(pair, A)))
    assert told < 300 + 5 * 500  # each order once, and ever more seldom all of them
    pair.heal(1)
    assert pair.equal


def test_large_orders_share_a_message_with_votes_and_stay_within_its_bounds():
    pair = Pair()
    for votes in services(*(f"s{number}.example.test" for number in range(100)), endpoints=10):
        pair.a.words.table.put(votes)
        pair.a.outbox.voted(votes.service, 0)
    text = value_text({"a": '"' * (MAX_VALUE // 2 - 10)})
    for number in range(100):
        pair.a.order(f"service|s{number}.example.test", text)
    pair.heal()
    assert pair.equal
    assert max(pair.bodies) < wire.MAX_BODY / 2


def test_where_votes_leave_no_room_orders_wait_for_the_next_message(monkeypatch):
    pair = Pair()
    pair.heal()
    [votes] = services("www.example.test", endpoints=250)
    pair.a.words.table.put(votes)
    pair.a.outbox.voted(votes.service, 0)
    pair.a.order(KEYS[0], value_text({"a": "x" * 4000}))
    monkeypatch.setattr(wire, "MAX_BODY", 8000)
    assert pair.send(pair.a) is True
    assert not pair.a.outbox.knows(KEYS)
    pair.send(pair.a)
    assert [len(keys) for keys in entries_of(pair, A)][-2:] == [0, 1]
    assert pair.equal


def courier_of(*entries):
    ledger = Ledger()
    ledger.merge(entries)
    made = Courier(ledger, lambda: 0.0)
    made.announce(entry.key for entry in entries)
    return made


DRAINED = [Entry(key, Stamp(1, 0, A), "{}") for key in KEYS]
OTHER = "1" * 32


def test_a_peer_of_a_version_without_orders_is_not_troubled_with_them():
    made = courier_of(*DRAINED)
    assert made.answered(made.pick(), "", refused=False) is False
    assert made.pick() == ()
    assert not made.confirmed_all(KEYS)
    made.met()  # it was restarted, with another version
    assert made.pick() == tuple(DRAINED)


def test_what_a_full_ledger_refuses_stays_unknown_and_comes_last(monkeypatch):
    monkeypatch.setattr(wire, "MAX_ENTRIES", 3)
    made = courier_of(*DRAINED)
    assert made.answered(made.pick(), OTHER, refused=True) is False
    assert not made.confirmed_all(KEYS[:1])
    assert made.pick() == (DRAINED[3], DRAINED[4], DRAINED[0])


def test_equal_digests_confirm_what_the_peer_has_from_elsewhere():
    made = courier_of(*DRAINED)
    assert made.answered((), made._ledger.digest, refused=False) is False
    assert made.confirmed_all(KEYS)


def test_one_order_always_fits(monkeypatch):
    monkeypatch.setattr(courier, "MAX_BYTES", 1)
    assert courier_of(*DRAINED).pick() == (DRAINED[0],)


def test_old_and_new_versions_read_each_other():
    old = {"sender": A, "receiver": B, "session": "", "seq": 1, "electorate": "e", "digest": "d"}
    said = wire.statement(wire.Request(**old), 0.0)
    assert (said.ledger, said.entries) == ("", ())
    reply = wire.Reply(sender=B, session="s", stamp=1, accepted=True)
    assert b"ledger" not in wire.encode(reply)
    assert reply.ledger == ""


def test_a_third_node_is_told_what_came_from_the_second():
    pair = Pair()
    pair.heal()
    toward_c = Outbox(A, C, SECRET, pair.a.words, pair.a.clock)
    entry = pair.b.order(KEYS[0])
    pair.send(pair.b)
    toward_c.ordered([KEYS[0]])
    assert [found.entry() for found in wire.parse_request(toward_c.build().body).entries] == [entry]


@pytest.mark.parametrize(
    "broken",
    [
        {"key": ""},
        {"stamp": [1, 0]},
        {"stamp": [-1, 0, A]},
        {"stamp": [2**52, 0, A]},
        {"stamp": [1, 2**31, A]},
        {"stamp": [1.5, 0, A]},
        {"value": "null"},
        {"value": "{"},
        {"value": {}},
        {"value": '{"a":"' + "x" * MAX_VALUE + '"}'},
        {"who": "x" * 301},
        {"why": None},
    ],
)
def test_a_malformed_order_makes_the_message_malformed(broken):
    good = {"key": "pause", "stamp": [1, 0, A], "value": "{}", "later": "a field of the future"}
    head = {"sender": A, "receiver": B, "session": "", "seq": 1, "electorate": "e", "digest": "d"}
    assert wire.Request.model_validate_json(_json({**head, "entries": [good]})).entries
    with pytest.raises(wire.WireError, match=r"^entries\.0"):
        wire.parse_request(_json({**head, "entries": [{**good, **broken}]}))
    with pytest.raises(wire.WireError, match=r"^entries: List should have at most 200 items"):
        wire.parse_request(_json({**head, "entries": [good] * 201}))


def _json(message):
    return json.dumps(message).encode()
