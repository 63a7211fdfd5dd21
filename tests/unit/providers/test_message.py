import struct

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.tsig
import dns.update
import pytest

from rrdnsd.core.model import RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers.message import MAX_UPDATE, Sent, read_reply, render_query, render_update, sign
from support.changes import change, named, rrset

KEY = dns.tsig.Key("rrkey.", b"s" * 32)
OTHER = dns.tsig.Key("rrkey.", b"o" * 32)
NOW = 1_800_000_000
WWW = "www.example.test"


def text(wire):
    return dns.message.from_wire(wire).to_text()


def test_a_query_is_plain_and_not_recursive():
    query = dns.message.from_wire(render_query(7, RRsetKey(WWW, "AAAA")))
    assert (query.id, query.flags, query.opcode()) == (7, 0, dns.opcode.QUERY)
    assert query.question[0].to_text() == "www.example.test. IN AAAA"


def test_an_update_is_what_dnspython_would_have_made():
    changes = [
        named(
            change(WWW, rrset("192.0.2.1", "192.0.2.2"), rrset("192.0.2.2", "192.0.2.3", ttl=5)),
            change(WWW, None, rrset("2001:db8::1", ttl=5)),
        ),
        named(change("example.test", rrset("192.0.2.9"), None)),
        named(change("elsewhere.test", None, rrset("192.0.2.4"))),
        named(change("notexample.test", None, rrset("192.0.2.5"))),
    ]
    wanted = dns.update.UpdateMessage("example.test.", id=9)
    wanted.present("www.example.test.", "A", "192.0.2.1")
    wanted.present("www.example.test.", "A", "192.0.2.2")
    wanted.absent("www.example.test.", "AAAA")
    wanted.present("example.test.", "A", "192.0.2.9")
    wanted.absent("elsewhere.test.", "A")
    wanted.absent("notexample.test.", "A")
    wanted.delete("www.example.test.", "A")
    wanted.add("www.example.test.", 5, "A", "192.0.2.2")
    wanted.add("www.example.test.", 5, "A", "192.0.2.3")
    wanted.add("www.example.test.", 5, "AAAA", "2001:db8::1")
    wanted.delete("example.test.", "A")
    wanted.add("elsewhere.test.", 60, "A", "192.0.2.4")
    wanted.add("notexample.test.", 60, "A", "192.0.2.5")
    rendered = render_update(9, "example.test", changes)
    assert rendered is not None
    assert text(rendered) == text(wanted.to_wire())


@pytest.mark.parametrize("name", ["", "a..example.test", f"{'x' * 64}.example.test", "www.example.test."])
def test_a_name_that_cannot_be_packed_is_told(name):
    with pytest.raises(ProviderError, match="is no domain name"):
        render_update(1, "example.test", [named(change(name, None, rrset("192.0.2.1")))])


def test_an_update_as_large_as_it_may_be_and_one_octet_more():
    changes = [named(change(f"n{i}.example.test", None, rrset("192.0.2.1"))) for i in range(100)]
    whole = render_update(1, "example.test", changes)
    assert whole is not None
    assert render_update(1, "example.test", changes, len(whole)) == whole
    assert render_update(1, "example.test", changes, len(whole) - 1) is None


def test_the_largest_update_fits_in_a_frame_with_the_longest_signature():
    name = ".".join(["x" * 63, "y" * 63, "z" * 63, "w" * 61])
    key = dns.tsig.Key(name, b"s" * 64, dns.tsig.HMAC_SHA512)
    wire = struct.pack("!HHHHHH", 1, 0x2800, 0, 0, 0, 0) + bytes(MAX_UPDATE - 12)
    assert len(sign(wire, key, NOW).wire) <= 65_535


@pytest.mark.parametrize("algorithm", [a for a in dns.tsig.mac_sizes if a != dns.tsig.GSS_TSIG])
def test_what_is_signed_here_verifies_there(algorithm, monkeypatch):
    key = dns.tsig.Key("rrkey.", b"s" * 32, algorithm)
    sent = sign(render_query(7, RRsetKey(WWW, "A")), key, NOW)
    monkeypatch.setattr("time.time", lambda: NOW)
    message = dns.message.from_wire(sent.wire, keyring=key)
    assert message.had_tsig
    assert message.mac == sent.mac


def test_without_a_key_nothing_is_appended():
    assert sign(b"message", None, NOW) == Sent(b"message")


def exchange(key=KEY):
    """A signed question, and the reply to it that is still to be rendered."""
    sent = sign(render_query(7, RRsetKey(WWW, "A")), key, NOW)
    query = dns.message.from_wire(sent.wire, keyring=False)
    query.tsig = None
    return sent, dns.message.make_response(query)


def signed(reply, sent, key=KEY, **tsig):
    reply.use_tsig(key, **tsig)
    reply.request_mac = sent.mac
    return reply.to_wire()


def test_a_signed_reply_is_verified():
    sent, reply = exchange()
    read = read_reply(signed(reply, sent), KEY, sent)
    assert (read.rcode, read.verified, read.tsig_error) == ("NOERROR", True, "")
    assert read.message is not None


def test_a_reply_signed_with_another_secret_is_not():
    sent, reply = exchange()
    read = read_reply(signed(reply, sent, OTHER), KEY, sent)
    assert (read.rcode, read.verified, read.tsig_error) == ("NOERROR", False, "BADSIG")


def test_under_an_error_code_the_code_matters_more_than_an_echoed_signature():
    sent, reply = exchange()
    reply.set_rcode(dns.rcode.NOTIMP)
    read = read_reply(signed(reply, sent, OTHER), KEY, sent)
    assert (read.rcode, read.verified, read.tsig_error) == ("NOTIMP", False, "")


def test_an_unsigned_reply_keeps_its_code():
    sent, reply = exchange()
    reply.set_rcode(dns.rcode.REFUSED)
    read = read_reply(reply.to_wire(), KEY, sent)
    assert (read.rcode, read.verified, read.tsig_error) == ("REFUSED", False, "")


def test_without_a_key_no_signature_is_asked_for():
    _, reply = exchange()
    read = read_reply(reply.to_wire(), None, Sent(b""))
    assert read.verified


def test_a_bare_header_as_nsd_sends_it():
    sent, _ = exchange()
    read = read_reply(struct.pack("!HHHHHH", 7, 0xA804, 0, 0, 0, 0), KEY, sent)
    assert (read.rcode, read.verified) == ("NOTIMP", False)


def test_an_error_code_is_read_even_when_the_rest_is_broken():
    sent, _ = exchange()
    read = read_reply(struct.pack("!HHHHHH", 7, 0x8002, 3, 3, 3, 3) + b"\xff", KEY, sent)
    assert (read.rcode, read.verified, read.message) == ("SERVFAIL", False, None)


@pytest.mark.parametrize(
    ("error", "name"), [(16, "BADSIG"), (17, "BADKEY"), (22, "BADTRUNC"), (999, "TSIG error 999")]
)
def test_the_servers_tsig_errors(error, name):
    sent, reply = exchange()
    reply.set_rcode(dns.rcode.NOTAUTH)
    read = read_reply(signed(reply, sent, tsig_error=error), KEY, sent)
    assert (read.rcode, read.verified, read.tsig_error) == ("NOTAUTH", False, name)


@pytest.mark.parametrize("ahead", [400, -400])
def test_badtime_tells_how_far_the_clocks_are_apart(ahead):
    sent, reply = exchange()
    reply.set_rcode(dns.rcode.NOTAUTH)
    other = (NOW + ahead).to_bytes(6, "big")
    read = read_reply(signed(reply, sent, tsig_error=18, other_data=other), KEY, sent)
    assert (read.tsig_error, read.clock_ahead) == ("BADTIME", ahead)


def test_badtime_without_the_servers_time():
    sent, reply = exchange()
    reply.set_rcode(dns.rcode.NOTAUTH)
    read = read_reply(signed(reply, sent, tsig_error=18), KEY, sent)
    assert (read.tsig_error, read.clock_ahead) == ("BADTIME", None)


@pytest.mark.parametrize("wire", [b"", b"\x00" * 11, struct.pack("!HHHHHH", 7, 0x8000, 1, 0, 0, 0)])
def test_what_is_no_message_is_told_so(wire):
    with pytest.raises(ProviderError, match=r"no (valid )?DNS message"):
        read_reply(wire, KEY, Sent(b"", b"mac"))
