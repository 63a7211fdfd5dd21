"""Every kind of answer, in full."""

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from rrdnsd.providers.builtin.answer import answer, payload_limit
from rrdnsd.providers.builtin.zone import Settings, unpublished
from support.builtin import ZONE, ask, zone, zones

RECORDS = """
@        A     192.0.2.9
www      A     192.0.2.1 192.0.2.2 192.0.2.3
www      AAAA  2001:db8::1
a.b.deep A     192.0.2.4
"""
SOA = "example.test. {} IN SOA ns.example.test. hostmaster.example.test. 7 300 60 1209600 60"
SERVED = zones(zone(RECORDS, addresses=("192.0.2.53", "2001:db8::53")))


def text(response: dns.message.Message) -> list[str]:
    """Flags, RCODE and sections, without what merely repeats the query."""
    lines = [f"{dns.rcode.to_text(response.rcode())} {dns.flags.to_text(response.flags)}"]
    for section, rrsets in zip("AN", (response.answer, response.authority), strict=True):
        lines += [f"{section} {line}" for rrset in rrsets for line in rrset.to_text().splitlines()]
    return lines + [f"X {line}" for rrset in response.additional for line in rrset.to_text().splitlines()]


@pytest.mark.parametrize(
    ("name", "rtype", "expected"),
    [
        (
            "www.example.test",
            "A",
            [
                "NOERROR QR AA",
                "A www.example.test. 5 IN A 192.0.2.1",
                "A www.example.test. 5 IN A 192.0.2.2",
                "A www.example.test. 5 IN A 192.0.2.3",
            ],
        ),
        ("www.example.test", "AAAA", ["NOERROR QR AA", "A www.example.test. 5 IN AAAA 2001:db8::1"]),
        ("example.test", "A", ["NOERROR QR AA", "A example.test. 5 IN A 192.0.2.9"]),
        ("example.test", "SOA", ["NOERROR QR AA", "A " + SOA.format(3600)]),
        (
            "example.test",
            "NS",
            [
                "NOERROR QR AA",
                "A example.test. 3600 IN NS ns.example.test.",
                "X ns.example.test. 3600 IN A 192.0.2.53",
                "X ns.example.test. 3600 IN AAAA 2001:db8::53",
            ],
        ),
        ("ns.example.test", "A", ["NOERROR QR AA", "A ns.example.test. 3600 IN A 192.0.2.53"]),
        ("www.example.test", "MX", ["NOERROR QR AA", "N " + SOA.format(60)]),
        ("www.example.test", "TYPE65280", ["NOERROR QR AA", "N " + SOA.format(60)]),
        ("example.test", "AAAA", ["NOERROR QR AA", "N " + SOA.format(60)]),
        ("b.deep.example.test", "A", ["NOERROR QR AA", "N " + SOA.format(60)]),
        ("deep.example.test", "AAAA", ["NOERROR QR AA", "N " + SOA.format(60)]),
        ("nope.example.test", "A", ["NXDOMAIN QR AA", "N " + SOA.format(60)]),
        ("x.www.example.test", "A", ["NXDOMAIN QR AA", "N " + SOA.format(60)]),
        ("x.b.deep.example.test", "A", ["NXDOMAIN QR AA", "N " + SOA.format(60)]),
        ("a.b.deep.example.test", "ANY", ["NOERROR QR AA", "A a.b.deep.example.test. 5 IN A 192.0.2.4"]),
        ("b.deep.example.test", "ANY", ["NOERROR QR AA", "N " + SOA.format(60)]),
        ("nope.example.test", "ANY", ["NXDOMAIN QR AA", "N " + SOA.format(60)]),
        ("example.org", "A", ["REFUSED QR"]),
        ("test", "SOA", ["REFUSED QR"]),
        (".", "NS", ["REFUSED QR"]),
        ("notexample.test", "A", ["REFUSED QR"]),
        ("example.test", "IXFR", ["NOERROR QR AA", "A " + SOA.format(3600)]),
        ("example.test", "AXFR", ["FORMERR QR"]),
        ("example.test", "OPT", ["FORMERR QR"]),
        ("example.test", "TYPE0", ["FORMERR QR"]),
        ("example.test", "MAILB", ["NOTIMP QR"]),
    ],
)
def test_the_answer_is_exactly_this(name, rtype, expected):
    assert text(answer(ask(name, rtype), SERVED)) == expected


@pytest.mark.parametrize("rdclass", ["CH", "HS", "ANY", "NONE"])
def test_other_classes_are_refused(rdclass):
    assert text(answer(ask("version.bind", "TXT", rdclass="CH"), SERVED)) == ["REFUSED QR"]
    assert text(answer(ask("www.example.test", "A", rdclass=rdclass), SERVED)) == ["REFUSED QR"]


def test_rd_is_repeated_and_recursion_is_not_offered():
    query = dns.message.make_query("www.example.test", "AAAA")
    assert answer(query, SERVED).flags == dns.flags.QR | dns.flags.AA | dns.flags.RD


def test_the_question_keeps_its_case_and_so_does_the_answer():
    response = answer(ask("wWw.eXample.TEST", "AAAA"), SERVED)
    again = dns.message.from_wire(response.to_wire())
    assert again.question[0].to_text() == "wWw.eXample.TEST. IN AAAA"
    assert again.answer[0].name.to_text() == "wWw.eXample.TEST."


@pytest.mark.parametrize(
    ("turn", "order"),
    [(0, ["1", "2", "3"]), (1, ["2", "3", "1"]), (2, ["3", "1", "2"]), (3, ["1", "2", "3"])],
)
def test_each_turn_begins_with_the_next_record(turn, order):
    records = answer(ask("www.example.test"), SERVED, turn).answer[0]
    assert [record.address[-1] for record in records] == order


def test_no_question_and_two_questions_are_malformed():
    empty = ask("www.example.test")
    empty.question.clear()
    double = ask("www.example.test")
    double.question.extend(ask("example.test").question)
    assert text(answer(empty, SERVED)) == ["FORMERR QR"]
    assert text(answer(double, SERVED)) == ["FORMERR QR"]


@pytest.mark.parametrize("section", ["answer", "authority"])
def test_records_where_a_query_has_none_are_malformed(section):
    query = ask("www.example.test")
    getattr(query, section).extend(answer(query, SERVED).answer)
    assert text(answer(query, SERVED)) == ["FORMERR QR"]


def test_edns_is_answered_with_our_own_payload_size_and_do_is_repeated():
    response = answer(ask("www.example.test", want_dnssec=True, payload=4096), SERVED)
    assert (response.edns, response.payload, response.ednsflags) == (0, 1232, dns.flags.DO)
    assert answer(ask("www.example.test"), SERVED).edns == -1


def test_an_edns_version_we_do_not_speak():
    response = answer(ask("www.example.test", use_edns=1), SERVED)
    assert (response.rcode(), response.edns, response.answer) == (dns.rcode.BADVERS, 0, [])


@pytest.mark.parametrize(
    ("offered", "limit"), [(None, 512), (0, 512), (511, 512), (900, 900), (1232, 1232), (4096, 1232)]
)
def test_how_much_goes_into_udp(offered, limit):
    assert payload_limit(offered) == limit


@pytest.mark.parametrize("name", ["example.test", "www.example.test", "anything.example.test"])
@pytest.mark.parametrize("rtype", ["A", "SOA", "NS", "ANY"])
def test_a_zone_that_was_never_published_denies_nothing(name, rtype):
    fresh = zones(unpublished(ZONE, Settings()))
    assert text(answer(ask(name, rtype), fresh)) == ["SERVFAIL QR"]


def test_why_it_is_not_ready_is_told_to_who_speaks_edns():
    response = answer(ask("www.example.test", use_edns=0), zones(unpublished(ZONE, Settings())))
    assert [option.to_text() for option in response.options] == [
        "EDE 14 (Not Ready): no verdict on this name yet"
    ]


@pytest.mark.parametrize(
    ("name", "rtype", "rcode"),
    [
        ("later.example.test", "A", "SERVFAIL"),  # managed, never decided
        ("later.example.test", "MX", "SERVFAIL"),
        ("x.y.example.test", "AAAA", "SERVFAIL"),
        ("y.example.test", "A", "NOERROR"),  # denying it would deny what is below it (RFC 8020)
        ("example.test", "A", "SERVFAIL"),  # the apex exists, but its addresses are not decided
        ("example.test", "SOA", "NOERROR"),
        ("example.test", "MX", "NOERROR"),
        ("under.later.example.test", "A", "NXDOMAIN"),
        ("nobody.example.test", "A", "NXDOMAIN"),
        ("www.example.test", "A", "NOERROR"),
    ],
)
def test_a_name_without_a_first_verdict_is_not_denied(name, rtype, rcode):
    pending = ("later.example.test", "x.y.example.test", "example.test", "www.example.test")
    served = zones(zone("www A 192.0.2.1", names=pending))
    assert dns.rcode.to_text(answer(ask(name, rtype), served).rcode()) == rcode


def test_the_deepest_zone_answers():
    parent, child = zone("www A 192.0.2.1"), unpublished("sub.example.test", Settings())
    served = zones(parent, child)
    assert answer(ask("x.sub.example.test"), served).rcode() == dns.rcode.SERVFAIL
    assert answer(ask("x.other.example.test"), served).rcode() == dns.rcode.NXDOMAIN
