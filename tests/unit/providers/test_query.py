import dns.flags
import dns.message
import dns.rrset
import pytest

from rrdnsd.core.model import RRset, RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers.message import Reply
from rrdnsd.providers.query import read_answer
from rrdnsd.providers.rcodes import Asked

WWW = "www.example.test"
ASKED = Asked("query", "192.0.2.53:53", "example.test")


def reply(rcode="NOERROR", answer=(), authority=(), aa=True, **more):
    message = dns.message.QueryMessage()
    message.flags = dns.flags.QR | (dns.flags.AA if aa else 0)
    message.answer = [dns.rrset.from_text(*line) for line in answer]
    message.authority = [dns.rrset.from_text(*line) for line in authority]
    return Reply(rcode, more.pop("verified", True), dns.message.from_wire(message.to_wire()), **more)


def read(rtype="A", **what):
    return read_answer(ASKED, RRsetKey(WWW, rtype), reply(**what))


def test_an_rrset():
    answer = [("WWW.example.test.", 60, "IN", "A", "192.0.2.1", "192.0.2.2")]
    assert read(answer=answer) == RRset(60, frozenset({"192.0.2.1", "192.0.2.2"}))


def test_ipv6_addresses_are_in_the_configurations_form():
    answer = [("www.example.test.", 60, "IN", "AAAA", "2001:DB8:0:0::1", "::ffff:192.0.2.1")]
    assert read("AAAA", answer=answer) == RRset(60, frozenset({"2001:db8::1", "::ffff:c000:201"}))


def test_signatures_beside_it_are_passed_over():
    signature = "A 8 3 60 20300101000000 20200101000000 1 example.test. AAAA"
    answer = [
        ("www.example.test.", 60, "IN", "RRSIG", signature),
        ("www.example.test.", 60, "IN", "A", "192.0.2.1"),
    ]
    assert read(answer=answer) == RRset(60, frozenset({"192.0.2.1"}))


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_nothing_there(rcode):
    soa = ("example.test.", 60, "IN", "SOA", "ns.test. hostmaster.test. 1 2 3 4 5")
    assert read(rcode=rcode, authority=[soa]) is None


def test_a_cname_is_a_problem_of_the_name():
    answer = [
        ("www.example.test.", 60, "IN", "CNAME", "web.example.test."),
        ("web.example.test.", 60, "IN", "A", "192.0.2.1"),
    ]
    assert read(answer=answer) == (
        "www.example.test is a CNAME for web.example.test on 192.0.2.53:53: no A or AAAA can stand beside it; delete "
        "the CNAME, or manage the name it points to"
    )


def test_a_delegation_is_a_problem_of_the_name():
    ns = ("www.example.test.", 60, "IN", "NS", "ns.else.test.")
    assert read(authority=[ns], aa=False) == (
        "www.example.test is delegated: 192.0.2.53:53 points to ns.else.test for the zone www.example.test; set the "
        "service's zone to www.example.test and give that zone's server"
    )


@pytest.mark.parametrize("authority", [[], [("test.", 60, "IN", "NS", "ns.else.test.")]])
def test_an_answer_of_a_cache_is_a_problem_of_the_name(authority):
    answer = [("www.example.test.", 60, "IN", "A", "192.0.2.1")]
    assert read(answer=answer, authority=authority, aa=False) == (
        "192.0.2.53:53 answers www.example.test without authority: it is not a server of example.test (a cache?); "
        "give the zone's primary in update_resolvers"
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rcode": "REFUSED"}, "refuses queries for example.test (REFUSED): it does not serve example.test"),
        ({"rcode": "SERVFAIL"}, "refuses queries for example.test (SERVFAIL): the server failed by itself"),
        (
            {"rcode": "NOTAUTH", "tsig_error": "BADTIME", "clock_ahead": 400, "verified": False},
            "this machine's clock is 400 s behind the server's",
        ),
        ({"verified": False}, "without a signature though it was sent one"),
        ({"verified": False, "tsig_error": "BADSIG"}, "with a signature that is not made with"),
    ],
)
def test_a_reply_that_cannot_be_used_is_an_error(given, sentence):
    with pytest.raises(ProviderError) as caught:
        read(**given)
    assert sentence in str(caught.value)


def test_a_bare_header_is_an_error():
    with pytest.raises(ProviderError, match="nothing but a header"):
        read_answer(ASKED, RRsetKey(WWW, "A"), Reply("NOERROR", verified=True))
