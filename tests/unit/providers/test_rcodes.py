import errno
import socket

import pytest

from rrdnsd.errors import ProviderError
from rrdnsd.providers.keys import TsigKey
from rrdnsd.providers.message import Reply
from rrdnsd.providers.outcome import Denied, Stale, Written, judge
from rrdnsd.providers.rcodes import Asked, explain, explain_transport

KEY = TsigKey("rrkey", "hmac-sha256", b"the secret")
SIGNED = Asked("update", "192.0.2.53:53", "example.test", KEY)
UNSIGNED = Asked("update", "192.0.2.53:53", "example.test")
QUERY = Asked("query", "192.0.2.53:53", "example.test", KEY)


@pytest.mark.parametrize(
    ("asked", "rcode", "tsig", "words"),
    [
        (
            SIGNED,
            "REFUSED",
            "",
            ["allow-update", "update-policy", "TSIG-ALLOW-DNSUPDATE", "wrong key name", "CNAME"],
        ),
        (
            UNSIGNED,
            "REFUSED",
            "",
            ["not signed", "update_credentials", "allow-update", "ALLOW-DNSUPDATE-FROM"],
        ),
        (QUERY, "REFUSED", "", ["does not serve example.test", "allow-query"]),
        (SIGNED, "NOTAUTH", "", ["not the primary of example.test", "Knot", "acl", "PowerDNS", "clock"]),
        (
            UNSIGNED,
            "NOTAUTH",
            "",
            ["not the primary of example.test", "no acl lets updates without a key in"],
        ),
        (SIGNED, "NOTAUTH", "BADKEY", ['key "rrkey" (hmac-sha256)', "algorithm", "acl"]),
        (SIGNED, "NOTAUTH", "BADSIG", ['the secret of key "rrkey"', "copy it anew"]),
        (SIGNED, "NOTAUTH", "BADTRUNC", ["hmac-sha256"]),
        (SIGNED, "NOTIMP", "", ["NSD and Unbound", "update_method builtin", "hidden primary"]),
        (SIGNED, "NOTZONE", "", ["not inside the zone"]),
        (SIGNED, "SERVFAIL", "", ["journal", "disk full", "log"]),
        (SIGNED, "FORMERR", "", ["does not understand", "Unbound"]),
        (SIGNED, "15", "", ["unusual", "log"]),
    ],
)
def test_a_refusal_names_the_server_the_zone_the_codes_and_every_likely_cause(asked, rcode, tsig, words):
    sentence = explain(asked, rcode, tsig)
    thing = "the update of" if asked.action == "update" else "queries for"
    codes = f"{rcode}, {tsig}" if tsig else rcode
    assert sentence.startswith(f"192.0.2.53:53 refuses {thing} example.test ({codes}): ")
    for word in words:
        assert word in sentence


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (
            400,
            "this machine's clock is 400 s behind the server's, 300 s are allowed; set the wrong one by NTP",
        ),
        (
            -7200,
            "this machine's clock is 7200 s ahead of the server's, 300 s are allowed; set the wrong one by NTP",
        ),
        (None, "the clocks of this machine and of the server differ by more than 300 s; set both by NTP"),
    ],
)
def test_badtime_tells_the_difference(ahead, words):
    sentence = explain(SIGNED, "NOTAUTH", "BADTIME", ahead)
    assert sentence == f"192.0.2.53:53 refuses the update of example.test (NOTAUTH, BADTIME): {words}"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            TimeoutError(),
            "ns:53 did not answer within 5 s over TCP: it is down, overloaded, or a firewall drops TCP to this port",
        ),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "x"),
            "ns:53 refuses TCP connections: the DNS server is down or listens elsewhere",
        ),
        (
            EOFError(),
            "ns:53 closed the connection without an answer: it restarts, or it limits its TCP clients",
        ),
        (
            ConnectionResetError(errno.ECONNRESET, "x"),
            "ns:53 closed the connection without an answer: it restarts, or it limits its TCP clients",
        ),
        (
            socket.gaierror(-2, "Name or service not known"),
            "ns:53 cannot be resolved: write the server's IP address in update_resolvers",
        ),
        (
            OSError(errno.ENETUNREACH, "x"),
            "ns:53 cannot be reached: network is unreachable (ENETUNREACH)",
        ),
        (
            OSError(errno.ETIMEDOUT, "x"),
            "ns:53 cannot be reached: connection timed out (ETIMEDOUT)",
        ),
        (OSError("Multiple exceptions: a, b"), "ns:53 cannot be reached: Multiple exceptions: a, b"),
    ],
)
def test_no_answer_at_all(error, sentence):
    assert explain_transport("ns:53", error, 5.0) == sentence


@pytest.mark.parametrize("rcode", ["NXRRSET", "YXRRSET", "NXDOMAIN", "YXDOMAIN"])
@pytest.mark.parametrize("verified", [True, False])
def test_a_failed_prerequisite_is_stale(rcode, verified):
    assert judge(SIGNED, Reply(rcode, verified)) == Stale()


def test_success_must_be_signed():
    assert judge(SIGNED, Reply("NOERROR", verified=True)) == Written()
    with pytest.raises(ProviderError, match="without a signature"):
        judge(SIGNED, Reply("NOERROR", verified=False))
    with pytest.raises(ProviderError, match="a signature that is not made with"):
        judge(SIGNED, Reply("NOERROR", verified=False, tsig_error="BADSIG"))


@pytest.mark.parametrize(("rcode", "tsig"), [("REFUSED", ""), ("NOTZONE", ""), ("NOTAUTH", "BADKEY")])
def test_what_may_be_about_one_name_only_is_denied(rcode, tsig):
    outcome = judge(SIGNED, Reply(rcode, verified=False, tsig_error=tsig))
    assert outcome == Denied(explain(SIGNED, rcode, tsig))


@pytest.mark.parametrize(
    ("rcode", "tsig"),
    [
        ("NOTAUTH", ""),
        ("NOTAUTH", "BADSIG"),
        ("NOTAUTH", "BADTIME"),
        ("NOTIMP", ""),
        ("SERVFAIL", ""),
        ("FORMERR", ""),
    ],
)
def test_what_is_about_the_server_is_an_error(rcode, tsig):
    with pytest.raises(ProviderError):
        judge(SIGNED, Reply(rcode, verified=False, tsig_error=tsig))
