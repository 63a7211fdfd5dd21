"""Plain answers are read without dnspython, which here says what is right."""

import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import RRset, RRsetKey
from rrdnsd.providers.message import read_reply, render_query, sign
from rrdnsd.providers.plain import Plain, read_plain
from rrdnsd.providers.query import read_answer
from rrdnsd.providers.rcodes import Asked

WWW = "www.example.test"
ASKED = Asked("query", "192.0.2.53:53", "example.test")
KEY = dns.tsig.Key("rrkey.", b"s" * 32)
OTHER = dns.tsig.Key("rrkey.", b"o" * 32)
A = ("www.example.test.", 60, "IN", "A", "192.0.2.1", "192.0.2.2")
NS = ("example.test.", 60, "IN", "NS", "ns.example.test.")
GLUE = ("ns.example.test.", 60, "IN", "A", "192.0.2.53")


def asked(rtype="A", key=KEY):
    return sign(render_query(7, RRsetKey(WWW, rtype)), key, int(time.time()))


def answered(
    sent, answer=(A,), authority=(), additional=(), key=KEY, rcode="NOERROR", flags=dns.flags.AA, **more
):
    """The reply of a server to what was sent, as dnspython makes it."""
    query = dns.message.from_wire(sent.wire, keyring=False)
    query.tsig = None
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.from_text(rcode))
    reply.flags |= flags
    reply.answer = [dns.rrset.from_text(*line) for line in answer]
    reply.authority = [dns.rrset.from_text(*line) for line in authority]
    reply.additional = [dns.rrset.from_text(*line) for line in additional]
    if key:
        reply.use_tsig(key, **more)
        reply.request_mac = sent.mac
    return reply.to_wire()


def test_an_rrset():
    sent = asked()
    wire = answered(sent, authority=[NS], additional=[GLUE])
    assert read_plain(wire, KEY, sent) == Plain(RRset(60, frozenset({"192.0.2.1", "192.0.2.2"})))


def test_ipv6_addresses_are_in_the_configurations_form():
    sent = asked("AAAA")
    wire = answered(sent, [("www.example.test.", 60, "IN", "AAAA", "2001:DB8:0:0::1", "::ffff:192.0.2.1")])
    assert read_plain(wire, KEY, sent) == Plain(RRset(60, frozenset({"2001:db8::1", "::ffff:c000:201"})))


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_nothing_there(rcode):
    sent = asked()
    soa = ("example.test.", 60, "IN", "SOA", "ns.test. hostmaster.test. 1 2 3 4 5")
    assert read_plain(answered(sent, (), [soa], rcode=rcode), KEY, sent) == Plain(None)


@pytest.mark.parametrize("algorithm", [a for a in dns.tsig.mac_sizes if a != dns.tsig.GSS_TSIG])
def test_every_algorithm(algorithm):
    key = dns.tsig.Key("rrkey.", b"s" * 32, algorithm)
    sent = asked(key=key)
    assert read_plain(answered(sent, key=key), key, sent)


def test_without_a_key():
    sent = asked(key=None)
    assert read_plain(answered(sent, key=None), None, sent)
    assert read_plain(answered(sent), None, sent) is None


NOT_PLAIN = {
    "refused": {"rcode": "REFUSED", "answer": ()},
    "without authority": {"flags": 0},
    "cut short": {"flags": dns.flags.AA | dns.flags.TC},
    "an alias": {"answer": [("www.example.test.", 60, "IN", "CNAME", "web.example.test."), A]},
    "another name": {"answer": [("web.example.test.", 60, "IN", "A", "192.0.2.1")]},
    "another type": {"answer": [("www.example.test.", 60, "IN", "AAAA", "2001:db8::1")]},
    "another class": {"answer": [("www.example.test.", 60, "CH", "TXT", "x")]},
    "signatures beside it": {
        "answer": [
            A,
            (
                "www.example.test.",
                60,
                "IN",
                "RRSIG",
                "A 8 3 60 20300101000000 20200101000000 1 example.test. AAAA",
            ),
        ]
    },
    "unsigned": {"key": None},
    "signed with another secret": {"key": OTHER},
    "signed under another name": {"key": dns.tsig.Key("rrkey2.", b"s" * 32)},
    "a TSIG error": {"tsig_error": 18},
    "other data": {"other_data": b"x"},
}


@pytest.mark.parametrize("case", NOT_PLAIN)
def test_all_else_is_left_to_dnspython(case):
    sent = asked()
    assert read_plain(answered(sent, **NOT_PLAIN[case]), KEY, sent) is None


def test_the_answer_to_another_question():
    sent = asked()
    other = answered(asked("AAAA"), ())
    assert read_plain(other, KEY, sent) is None
    assert read_plain(answered(asked(key=None), key=None), KEY, sent) is None


def test_a_signature_of_long_ago():
    sent = sign(render_query(7, RRsetKey(WWW, "A")), KEY, int(time.time()) - 301)
    assert read_plain(answered(sent), KEY, sent) is None


def test_an_answer_is_of_one_request_only():
    first, second = asked(), sign(render_query(7, RRsetKey(WWW, "A")), KEY, int(time.time()) - 5)
    assert read_plain(answered(first), KEY, second) is None


@given(data=st.data())
def test_what_was_tampered_with_is_never_believed(data):
    """Whatever is changed under way: it is not plain, or dnspython reads the same out of it."""
    sent = asked()
    wire = bytearray(answered(sent, authority=[NS], additional=[GLUE]))
    for _ in range(data.draw(st.integers(1, 3))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(wire[: data.draw(st.integers(0, len(wire)))]) if data.draw(st.booleans()) else bytes(wire)
    found = read_plain(cut, KEY, sent)
    if found:
        reply = read_reply(cut, KEY, sent)
        assert reply.verified
        assert found.rrset == read_answer(ASKED, RRsetKey(WWW, "A"), reply)
