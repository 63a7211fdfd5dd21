"""The messages: what is written can be read, what cannot be read is told in a short sentence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core.ledger import MAX_COUNTER, MAX_WALL_MS, Entry, Stamp, value_text
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes, Span, Statement
from rrdnsd.peers import wire

NAME = st.text(st.characters(codec="utf-8"), max_size=20)
HEX = st.sampled_from(["", "0", "09af", "f" * 64])
WHOLE = st.integers(0, 2**53 - 1)
REASON = st.text(st.characters(codec="utf-8"), max_size=9) | st.just("\0" * wire.MAX_REASON)
BALLOT = st.builds(Ballot, st.sampled_from(State), REASON)
VOTES = st.dictionaries(st.ip_addresses().map(str), BALLOT, max_size=5)
OBJECT = st.dictionaries(st.text(max_size=3), st.integers() | REASON | st.none(), max_size=3)
ENTRY = st.builds(
    Entry,
    st.text("abc|.:", min_size=1, max_size=9),
    st.builds(Stamp, st.integers(0, MAX_WALL_MS), st.integers(0, MAX_COUNTER), st.text("abc:", max_size=9)),
    st.none() | OBJECT.map(value_text),
    REASON,
    REASON,
)
REQUEST = st.builds(
    wire.Request,
    v=st.just(1),
    sender=NAME,
    receiver=NAME,
    session=HEX,
    seq=WHOLE,
    echo=st.none() | st.tuples(WHOLE, WHOLE),
    electorate=HEX,
    digest=HEX,
    abstains=REASON,
    services=st.dictionaries(
        NAME, st.builds(lambda d, v: wire.service_ballots(ServiceVotes("", d, v)), HEX, VOTES), max_size=4
    ),
    span=st.none() | st.tuples(NAME, NAME | st.none()),
    suspects=st.lists(st.tuples(NAME, NAME), max_size=5),
    editions=st.dictionaries(NAME, st.tuples(st.integers(0, 2**32 - 1), HEX), max_size=4),
    ledger=HEX,
    entries=st.lists(ENTRY.map(wire.ledger_entry), max_size=4),
)
REPLY = st.builds(
    wire.Reply,
    v=st.just(1),
    sender=NAME,
    session=HEX,
    stamp=WHOLE,
    accepted=st.booleans(),
    want=st.sampled_from(["", "full"]),
    error=REASON,
    ledger=HEX,
)
LEAST = {"sender": "a", "receiver": "b", "session": "", "seq": 1, "electorate": "e", "digest": "d"}
LEAST_REPLY = {"sender": "b", "session": "s", "stamp": 5, "accepted": True}


def parse(**fields):
    return wire.parse_request(json.dumps(LEAST | fields).encode())


@settings(max_examples=50)
@given(REQUEST)
def test_a_request_comes_back_as_it_was(request_):
    assert wire.parse_request(wire.encode(request_)) == request_


@given(st.lists(ENTRY, max_size=4))
def test_orders_arrive_as_they_were_sent(entries):
    request = wire.Request(**LEAST, ledger="ab", entries=[wire.ledger_entry(entry) for entry in entries])
    said = wire.statement(wire.parse_request(wire.encode(request)), 7.5)
    assert said == Statement("a", 7.5, "e", "d", ledger="ab", entries=tuple(entries))


@given(REPLY)
def test_a_reply_comes_back_as_it_was(reply):
    assert wire.parse_reply(wire.encode(reply)) == reply


@given(
    st.dictionaries(
        st.text("xyz_", min_size=2, max_size=9), st.integers() | st.text() | st.none(), max_size=5
    )
)
def test_unknown_fields_are_tolerated_everywhere(unknown):
    votes = {"definition": "d", "votes": {"192.0.2.1": "up"}}
    services = {"www.example.test": votes | unknown}
    assert parse(**unknown, services=services) == parse(services={"www.example.test": votes})
    reply = json.dumps(LEAST_REPLY | unknown).encode()
    assert wire.parse_reply(reply) == wire.parse_reply(json.dumps(LEAST_REPLY).encode())


def test_what_is_left_out_has_its_default():
    assert wire.parse_request(json.dumps(LEAST).encode()) == wire.Request(**LEAST)
    assert wire.encode(wire.Request(**LEAST)) == json.dumps(LEAST, separators=(",", ":")).encode()


@given(VOTES, HEX)
def test_votes_arrive_as_they_were_sent(ballots, definition):
    sent = ServiceVotes("www.example.test", definition, ballots)
    request = wire.Request(**LEAST, services={sent.service: wire.service_ballots(sent)})
    said = wire.statement(wire.parse_request(wire.encode(request)), 7.5)
    assert said == Statement("a", 7.5, "e", "d", votes=(sent,))


def test_everything_else_arrives_too():
    request = wire.Request(
        **LEAST,
        abstains="no link",
        span=("a.test", None),
        suspects=[("www.test", "::1")],
        editions={"test": (7, "ab")},
    )
    said = wire.statement(wire.parse_request(wire.encode(request)), 1.0)
    assert (said.abstains, said.span, said.suspects) == (
        "no link",
        Span("a.test", None),
        (EndpointKey("www.test", "::1"),),
    )
    assert said.editions == {"test": (7, "ab")}


def test_long_reasons_are_cut():
    votes = ServiceVotes("www.test", "d", {"::1": Ballot(State.DOWN, "x" * 1000)})
    assert wire.service_ballots(votes).reasons == {"::1": "x" * wire.MAX_REASON}


SERVICE = {"definition": "d", "votes": {}}
MALFORMED = {
    "no sender": ({"sender": None}, "sender: Input should be a valid string"),
    "a long sender": ({"sender": "x" * 256}, "sender: String should have at most 255 characters"),
    "a later version": ({"v": 2}, "v: Input should be 1"),
    "a negative number": ({"seq": -1}, "seq: Input should be greater than or equal to 0"),
    "a number as text": ({"seq": "1"}, "seq: Input should be a valid integer"),
    "a number too large for JSON": ({"seq": 2**53}, "seq: Input should be less than 9007199254740992"),
    "a number too large for a float": ({"echo": [10**400, 0]}, "echo.0: Input should be less than 9007199254740992"),
    "an age of less than nothing": ({"echo": [1, -5]}, "echo.1: Input should be greater than or equal to 0"),
    "half an echo": ({"echo": [1]}, "echo.1: Field required"),
    "a long digest": ({"digest": "0" * 65}, "digest: String should have at most 64 characters"),
    "a long reason": ({"abstains": "x" * 201}, "abstains: String should have at most 200 characters"),
    "a vote that is none": (
        {"services": {"w": {"definition": "d", "votes": {"::1": "maybe"}}}},
        "services.w.votes.::1: Input should be 'up', 'down' or 'unknown'",
    ),
    "services that are a list": ({"services": [SERVICE]}, "services: Input should be an object"),
    "no definition": ({"services": {"w": {"votes": {}}}}, "services.w.definition: Field required"),
    "more suspects than fit": (
        {"suspects": [["w", "::1"]] * 501},
        "suspects: List should have at most 500 items after validation, not 501",
    ),
    "a serial of 33 bits": ({"editions": {"test": [2**32, ""]}}, "editions.test.0: Input should be less than 4294967296"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_told_in_a_sentence(name):
    fields, sentence = MALFORMED[name]
    with pytest.raises(wire.WireError) as caught:
        parse(**fields)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'"text"',
        b'{"sender": "\\ud800"}',
        b"{" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_message_at_all_is_told_in_a_sentence(body):
    for parse_any in (wire.parse_request, wire.parse_reply):
        with pytest.raises(wire.WireError) as caught:
            parse_any(body)
        assert 5 < len(str(caught.value)) < 300
        assert str(caught.value).isprintable()


def test_a_message_that_is_too_large_is_not_read():
    with pytest.raises(wire.WireError, match="larger than 524288 bytes"):
        wire.parse_request(b" " * (wire.MAX_BODY + 1))


@given(st.binary(max_size=60))
def test_no_bytes_are_worse_than_malformed(body):
    with pytest.raises(wire.WireError):
        wire.parse_request(body)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*wire.Request.model_fields]), JUNK, max_size=6))
def test_a_message_of_any_values_is_read_or_refused(fields):
    body = json.dumps(LEAST | fields).encode()
    try:
        request = wire.parse_request(body)
    except wire.WireError as caught:
        sentence = str(caught)
    else:
        sentence = "none"
        assert wire.parse_request(wire.encode(request)) == request
        wire.statement(request, 0.0)
    assert 3 < len(sentence) < 300
    assert sentence.isprintable()


def test_the_senders_own_words_cannot_forge_a_log_line():
    with pytest.raises(wire.WireError) as caught:
        parse(services={"x\n2026-01-01 [vote] all is well": 5, "y" * 100: 1})
    assert "\n" not in str(caught.value)
    with pytest.raises(wire.WireError) as caught:
        parse(services={"y" * 200: {"definition": "d", "votes": {"z" * 200: 1}}})
    assert len(str(caught.value)) < 250


@given(st.binary(min_size=16, max_size=64), st.binary(max_size=50), st.binary(max_size=50))
def test_a_mac_is_of_one_key_one_purpose_and_one_text(secret, one, other):
    mac = wire.request_mac(secret, one)
    assert wire.is_authentic(mac, wire.request_mac(secret, one))
    assert not wire.is_authentic(mac, wire.reply_mac(secret, "", one))
    assert not wire.is_authentic(mac, wire.request_mac(secret + b"x", one))
    assert wire.is_authentic(mac, wire.request_mac(secret, other)) == (one == other)
    assert not wire.is_authentic(
        wire.reply_mac(secret, mac, one), wire.reply_mac(secret, mac[::-1] + "0", one)
    )


@pytest.mark.parametrize("given_mac", ["", "ä", "0" * 63, "\x00", "x" * 10_000])
def test_any_text_may_come_as_a_mac(given_mac):
    assert not wire.is_authentic(wire.request_mac(b"secret", b"body"), given_mac)


def test_without_a_secret_there_is_no_mac():
    assert (wire.request_mac(b"", b"body"), wire.reply_mac(b"", "", b"body")) == ("", "")
