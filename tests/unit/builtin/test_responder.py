"""From octets to octets: the short way equals the long way, and nothing that arrives does harm."""

import ipaddress
from dataclasses import replace

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.providers.builtin.answer import answer
from rrdnsd.providers.builtin.quick import RenderedAnswers, as_message, read_plain, render
from rrdnsd.providers.builtin.responder import Responder
from rrdnsd.providers.keys import TsigKey
from support.builtin import ask, zone, zones

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
KEY = TsigKey("rrkey", "hmac-sha256", b"secret secret secret")
MANY = "many AAAA " + " ".join(f"2001:db8::{number:x}" for number in range(1, 201))
RECORDS = f"@ A 192.0.2.9\nwww A 192.0.2.1 192.0.2.2\na.b.deep AAAA 2001:db8::4\n{MANY}"
SERVED = zones(
    replace(zone(RECORDS, names=("later.example.test",), addresses=("192.0.2.53",)), complete=True)
)
NAMES = ["www", "WwW", "later", "nope", "b.deep", "ns", "many"]
TYPES = ["A", "AAAA", "NS", "SOA", "ANY", "MX", "TYPE0", "TYPE97", "HTTPS", "MAILB", "OPT"]

names = st.sampled_from([*(f"{name}.example.test" for name in NAMES), "eXample.test", "example.org", "."])
edns = st.sampled_from([{}, {"use_edns": 0}, {"want_dnssec": True}, {"use_edns": 0, "payload": 512}])


def responder(key=None, served=SERVED):
    return Responder(served, served, LOOPBACK, key)


def exchange(query, *, tcp=False, key=None, host="127.0.0.1"):
    wire = query if isinstance(query, bytes) else query.to_wire()
    return [
        dns.message.from_wire(response, xfr=True) for response in responder(key).respond(wire, host, tcp=tcp)
    ]


@given(name=names, rtype=st.sampled_from(TYPES), how=edns, rd=st.booleans(), tcp=st.booleans())
def test_the_short_way_gives_what_the_long_way_gives(name, rtype, how, rd, tcp):
    query = ask(name, rtype, **how)
    query.flags |= dns.flags.RD if rd else 0
    wire = query.to_wire()
    plain = read_plain(wire)
    assert plain is not None
    limit = 65535 if tcp else plain.limit
    expected = answer(query, SERVED).to_wire(max_size=limit, prefer_truncation=True, want_shuffle=False)
    some = responder()
    for _ in range(2):  # the second time it comes from the kept answers
        some._rendered._kept.get(plain.key, render(answer(as_message(wire, plain), SERVED), plain)).turn = 0
        assert list(some.respond(wire, "127.0.0.1", tcp=tcp)) == [expected]


@given(st.binary(max_size=80), st.booleans())
def test_any_octets_are_survived(octets, tcp):
    check_harmless(octets, tcp=tcp)


@st.composite
def mutated(draw):
    query = ask(draw(names), draw(st.sampled_from([*TYPES, "AXFR", "IXFR"])), **draw(edns))
    if draw(st.booleans()):
        query.use_tsig(KEY.for_dnspython())
    wire = bytearray(query.to_wire())
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(wire) - 1))
        match draw(st.integers(0, 2)):
            case 0:
                wire[at] = draw(st.integers(0, 255))
            case 1:
                del wire[at : at + draw(st.integers(1, 9))]
            case _:
                wire[at:at] = draw(st.binary(min_size=1, max_size=9))
        if not wire:
            break
    return bytes(wire)


@given(mutated(), st.booleans())
def test_damaged_queries_are_survived(octets, tcp):
    check_harmless(octets, tcp=tcp)


def check_harmless(octets, *, tcp):
    for key in (None, KEY):
        some = responder(key)
        responses = list(some.respond(octets, "127.0.0.1", tcp=tcp))
        if len(octets) < 12 or octets[2] & 0x80:
            assert responses == []
        else:
            assert responses
        for response in responses:
            assert response[:2] == octets[:2]
            assert response[2] & 0x80
            assert tcp or len(response) <= 1232
            dns.message.from_wire(response, keyring=False)
        assert tcp or len(responses) <= 1


def test_a_response_is_never_answered():
    query = ask("www.example.test")
    query.flags |= dns.flags.QR
    assert exchange(query) == []
    assert exchange(query.to_wire()[:11]) == []


@pytest.mark.parametrize(
    "opcode", [dns.opcode.IQUERY, dns.opcode.STATUS, dns.opcode.NOTIFY, dns.opcode.UPDATE, 15]
)
def test_other_opcodes_are_not_implemented(opcode):
    wire = bytearray(ask("example.test", "SOA").to_wire())
    wire[2] = opcode << 3
    responses = list(responder().respond(bytes(wire), "127.0.0.1", tcp=False))
    assert responses == [wire[:2] + bytes([0x80 | opcode << 3, dns.rcode.NOTIMP]) + bytes(8)]


def test_an_update_is_not_implemented():
    update = dns.update.UpdateMessage("example.test", id=4711)
    update.add("www", 5, "A", "192.0.2.7")
    assert [r.rcode() for r in exchange(update.to_wire())] == [dns.rcode.NOTIMP]


@pytest.mark.parametrize(
    "damage",
    [
        lambda wire: wire + b"\0",
        lambda wire: wire[:-1],
        lambda wire: wire[:12] + b"\xc0\x0c" + wire[-4:],
        lambda wire: wire[:12] + b"\x40" + wire[13:],
        lambda wire: wire[:12] + b"\x3f" * 320 + wire[-5:],
        lambda wire: wire[:5] + b"\2" + wire[6:],
        lambda wire: wire[:11] + b"\1" + wire[12:] + b"\0\0\x29\2\0\0\0\0\0\0\5",
        lambda wire: wire[:11] + b"\2" + wire[12:] + 2 * b"\0\0\x29\2\0\0\0\0\0\0\0",
    ],
)
def test_what_cannot_be_read_is_malformed(damage):
    wire = damage(ask("www.example.test").to_wire())
    assert list(responder().respond(wire, "127.0.0.1", tcp=False)) == [b"\x12\x67\x80\x01" + bytes(8)]


def test_edns_options_make_no_difference_but_must_be_whole():
    cookie = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"12345678")
    wire = ask("www.example.test", use_edns=0, options=[cookie]).to_wire()
    assert read_plain(wire)[:3] == read_plain(ask("WWW.example.test", use_edns=0).to_wire())[:3]
    assert read_plain(wire[:-9] + b"\x09" + wire[-8:]) is None


def test_records_take_turns_each_name_and_type_on_its_own():
    some = responder()
    firsts = {"www.example.test A": [], "many.example.test AAAA": []}
    for _ in range(4):
        for question, seen in firsts.items():
            wire = ask(*question.split()).to_wire()
            (response,) = some.respond(wire, "127.0.0.1", tcp=True)
            seen.append(dns.message.from_wire(response).answer[0][0].address)
    assert firsts["www.example.test A"] == ["192.0.2.1", "192.0.2.2"] * 2
    assert len(set(firsts["many.example.test AAAA"])) == 4


def test_what_does_not_fit_into_udp_says_so_and_comes_over_tcp():
    for how, edns_version in (({}, -1), ({"use_edns": 0, "payload": 4096}, 0)):
        query = ask("many.example.test", "AAAA", **how)
        (short,) = exchange(query)
        assert (short.flags & dns.flags.TC, short.answer, short.edns) == (dns.flags.TC, [], edns_version)
        (whole,) = exchange(query, tcp=True)
        assert (whole.flags & dns.flags.TC, len(whole.answer[0])) == (0, 200)


def test_a_change_is_seen_at_once():
    served = dict(SERVED)
    some = responder(served=served)
    wire = ask("www.example.test").to_wire()
    assert len(dns.message.from_wire(*some.respond(wire, "127.0.0.1", tcp=False)).answer[0]) == 2
    new = zone("www A 192.0.2.8")
    served[new.origin] = new
    some.forget()
    (response,) = some.respond(wire, "127.0.0.1", tcp=False)
    assert [record.address for record in dns.message.from_wire(response).answer[0]] == ["192.0.2.8"]


def test_kept_answers_are_bounded_however_many_names_are_asked_for():
    some = responder()
    some._rendered = RenderedAnswers(max_octets=20_000)
    for number in range(500):
        list(some.respond(ask(f"x{number}.example.test").to_wire(), "127.0.0.1", tcp=False))
        assert len(some._rendered._kept) < 40


def test_a_transfer_is_the_whole_zone_between_two_soas():
    query = ask("example.test", "AXFR")
    messages = exchange(query, tcp=True)
    records = [rdata for message in messages for rrset in message.answer for rdata in rrset]
    assert (records[0].rdtype, records[-1].rdtype) == (dns.rdatatype.SOA, dns.rdatatype.SOA)
    assert len(records) == 2 + 1 + 1 + 2 + 1 + 200 + 1  # SOAs, NS, apex, www, deep, many, glue
    assert all(message.flags & dns.flags.AA for message in messages)


@pytest.fixture(scope="module")
def large():
    """A zone that does not fit into four messages."""
    return zones(zone("\n".join(f"host{number} A 192.0.2.1 192.0.2.2" for number in range(1200))))


def test_a_large_zone_goes_in_several_messages_of_bounded_size(large):
    wires = list(
        Responder(large, large, LOOPBACK, None).respond(
            ask("example.test", "AXFR").to_wire(), "127.0.0.1", tcp=True
        )
    )
    assert len(wires) > 4
    assert max(map(len, wires)) <= 16384
    records = sum(len(rrset) for wire in wires for rrset in dns.message.from_wire(wire, xfr=True).answer)
    assert records == 2400 + 3


@pytest.mark.parametrize(
    ("serial", "records"), [(6, 208), (7, 1), (8, 1), (7 + 2**31 - 1, 1), (7 + 2**31 + 1, 208)]
)
def test_an_incremental_transfer_is_the_whole_zone_or_nothing_new(serial, records):
    query = ask("example.test", "IXFR")
    old = zone("www A 192.0.2.1", serial=serial % 2**32)
    query.authority.append(answer(ask("example.test", "SOA"), zones(old)).answer[0])
    messages = exchange(query, tcp=True)
    assert sum(len(rrset) for message in messages for rrset in message.answer) == records


@pytest.mark.parametrize(
    ("name", "host", "key", "signed", "rcode"),
    [
        ("example.test", "127.0.0.1", None, False, "NOERROR"),
        ("example.test", "192.0.2.77", None, False, "REFUSED"),
        ("example.test", "::1", None, False, "REFUSED"),
        ("example.test", "127.0.0.1", KEY, False, "REFUSED"),
        ("example.test", "127.0.0.1", KEY, True, "NOERROR"),
        ("example.test", "192.0.2.77", KEY, True, "REFUSED"),
        ("www.example.test", "127.0.0.1", None, False, "NOTAUTH"),
        ("example.org", "127.0.0.1", None, False, "NOTAUTH"),
    ],
)
def test_who_may_transfer(name, host, key, signed, rcode):
    query = ask(name, "AXFR")
    if signed:
        query.use_tsig(KEY.for_dnspython())
    wires = list(responder(key).respond(query.to_wire(), host, tcp=True))
    message = dns.message.from_wire(wires[0], keyring=KEY.for_dnspython(), request_mac=query.mac)
    assert dns.rcode.to_text(message.rcode()) == rcode
    assert message.had_tsig == signed


def test_a_zone_that_is_not_offered_yet_is_not_given_away():
    some = responder(served=zones(zone("www A 192.0.2.1")))
    some._offered = {}
    (wire,) = some.respond(ask("example.test", "AXFR").to_wire(), "127.0.0.1", tcp=True)
    assert dns.message.from_wire(wire).rcode() == dns.rcode.SERVFAIL


def test_secondaries_get_what_is_offered_while_queries_get_what_is_newer():
    offered = zones(zone("www A 192.0.2.1"))
    some = Responder(zones(zone("www A 192.0.2.2")), offered, LOOPBACK, None)
    (wire,) = some.respond(ask("example.test", "AXFR").to_wire(), "127.0.0.1", tcp=True)
    (answer,) = some.respond(ask("www.example.test").to_wire(), "127.0.0.1", tcp=True)
    assert "192.0.2.1" in dns.message.from_wire(wire).to_text()
    assert "192.0.2.2" in dns.message.from_wire(answer).to_text()


def test_a_signed_transfer_verifies_over_all_its_messages(large):
    some = responder(KEY, large)
    query = ask("example.test", "AXFR")
    query.use_tsig(KEY.for_dnspython())
    context = None
    for wire in some.respond(query.to_wire(), "127.0.0.1", tcp=True):
        message = dns.message.from_wire(
            wire, keyring=KEY.for_dnspython(), request_mac=query.mac, multi=True, tsig_ctx=context
        )
        assert message.had_tsig
        context = message.tsig_ctx


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (TsigKey("other", "hmac-sha256", KEY.secret), "BADKEY"),
        (TsigKey("rrkey", "hmac-sha512", KEY.secret), "BADKEY"),
        (TsigKey("rrkey", "hmac-sha256", b"wrong"), "BADSIG"),
    ],
)
@pytest.mark.parametrize("rtype", ["A", "AXFR"])
def test_a_wrong_signature_is_told_as_the_rfc_wants(wrong, error, rtype):
    query = ask("example.test", rtype)
    query.use_tsig(wrong.for_dnspython())
    (wire,) = responder(KEY).respond(query.to_wire(), "127.0.0.1", tcp=True)
    message = dns.message.from_wire(wire, keyring=False)
    assert (message.rcode(), message.answer) == (dns.rcode.NOTAUTH, [])
    assert (dns.rcode.to_text(message.tsig[0].error, tsig=True), message.tsig[0].mac) == (error, b"")


def test_a_signature_without_a_key_of_our_own_is_an_unknown_key():
    query = ask("example.test", "A")
    query.use_tsig(KEY.for_dnspython())
    (wire,) = responder().respond(query.to_wire(), "127.0.0.1", tcp=True)
    assert dns.message.from_wire(wire, keyring=False).tsig[0].error == dns.rcode.BADKEY


def test_a_clock_that_is_off_is_told_with_our_time_and_signed(monkeypatch):
    query = ask("example.test", "AXFR")
    query.use_tsig(KEY.for_dnspython())
    wire = query.to_wire()
    now = query.tsig[0].time_signed + 1000
    monkeypatch.setattr("time.time", lambda: now)
    (response,) = responder(KEY).respond(wire, "127.0.0.1", tcp=True)
    message = dns.message.from_wire(response, keyring=False)
    tsig = message.tsig[0]
    assert (tsig.error, int.from_bytes(tsig.other)) == (dns.rcode.BADTIME, now)
    assert (tsig.time_signed, len(tsig.mac)) == (query.tsig[0].time_signed, 32)
    monkeypatch.undo()
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(response, keyring=KEY.for_dnspython(), request_mac=query.mac)


def test_a_signed_plain_query_gets_a_signed_answer():
    query = ask("www.example.test")
    query.use_tsig(KEY.for_dnspython())
    (wire,) = responder(KEY).respond(query.to_wire(), "198.51.100.1", tcp=False)
    message = dns.message.from_wire(wire, keyring=KEY.for_dnspython(), request_mac=query.mac)
    assert (message.had_tsig, len(message.answer[0])) == (True, 2)


def test_a_refused_transfer_is_logged_once_and_without_the_secret(caplog):
    some = responder(KEY)
    for _ in range(3):
        list(some.respond(ask("example.test", "AXFR").to_wire(), "127.0.0.1", tcp=True))
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "[builtin] the transfer of example.test to 127.0.0.1 is refused: it is not signed with the key rrkey."
    ]


def test_the_name_of_the_longest_possible_question():
    longest = dns.name.Name([b"x" * 63, b"x" * 63, b"x" * 63, b"x" * 48, b"example", b"test", b""])
    assert len(longest.to_wire()) == 255
    (response,) = exchange(ask(longest))
    assert response.rcode() == dns.rcode.NXDOMAIN
