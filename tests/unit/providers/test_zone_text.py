"""Zone files are changed by the line, and everything else in them stays."""

from datetime import date

import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers.zonefile.edit import edit
from rrdnsd.providers.zonefile.serial import raised
from support.changes import change, named, rrset

ZONE, WWW = "example.test", "www.example.test"
TODAY = date(2026, 11, 22)
HEAD = "$TTL 300\n@ IN SOA ns hostmaster 7 3600 600 86400 5\n@ IN NS ns\nns IN A 192.0.2.53\n"
ONE, TWO = rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2")


def edited(text, *changes, known=()):
    return edit(text, "the file", ZONE, [named(one) for one in changes], known, TODAY)


def after_head(text, *changes):
    """What follows the head, once the serial has been raised."""
    found = edited(HEAD + text, *changes)
    head = HEAD.replace(" 7 ", " 8 ")
    assert found.text.startswith(head)
    assert found.serial == 8
    assert found.written == {one.key.name for one in changes}
    return found.text.removeprefix(head)


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        (1, 2),
        (0, 1),
        (2**32 - 1, 1),
        (2**31 - 1, 2**31),
        (2026112200, 2026112201),
        (2026112199, 2026112200),
        (2025010107, 2026112200),
        (2026112107, 2026112200),
        (2026112299, 2026112300),
        (2027010100, 2027010101),
        (2026133201, 2026133202),
        (1763836800, 1763836801),
    ],
)
def test_the_next_serial(serial, expected):
    assert raised(serial, TODAY) == expected
    assert (raised(serial, TODAY) - serial) % 2**32 < 2**31, "newer by RFC 1982"


def test_a_new_name_comes_last():
    assert after_head("; end", change(WWW, None, TWO)) == (
        "; end\nwww\t60\tIN\tA\t192.0.2.1\nwww\t60\tIN\tA\t192.0.2.2\n"
    )


def test_an_address_joins_the_others_and_its_line_end_is_theirs():
    text = "www 60 A 192.0.2.1 ; one\r\n\r\n; api\r\napi A 192.0.2.9\r\n"
    assert after_head(text, change(WWW, ONE, TWO)) == (
        "www 60 A 192.0.2.1 ; one\r\nwww\t60\tIN\tA\t192.0.2.2\r\n\r\n; api\r\napi A 192.0.2.9\r\n"
    )


def test_who_inherits_the_owner_of_a_line_that_goes_gets_it():
    text = 'www 60 A 192.0.2.1 ; one\n    60 IN A 192.0.2.2 ; two\n; between\n\tTXT "a;b\\"(" ; text\n'
    assert after_head(text, change(WWW, TWO, rrset("192.0.2.2"))) == (
        'www    60 IN A 192.0.2.2 ; two\n; between\n\tTXT "a;b\\"(" ; text\n'
    )
    assert after_head(text, change(WWW, TWO, None)) == '; between\nwww\tTXT "a;b\\"(" ; text\n'


def test_below_another_origin_names_are_written_as_they_are_meant_there():
    text = "$ORIGIN lb\nx 60 A 192.0.2.1\n"
    name = f"x.lb.{ZONE}"
    assert after_head(text, change(name, ONE, TWO)) == text + "x\t60\tIN\tA\t192.0.2.2\n"
    assert after_head(text, change(WWW, None, ONE)) == text + "www.example.test.\t60\tIN\tA\t192.0.2.1\n"
    apex = f"lb.{ZONE}"
    assert after_head(text, change(apex, None, ONE)) == text + "@\t60\tIN\tA\t192.0.2.1\n"


def test_ttls_are_put_right_where_they_stand():
    text = "www 1h1m IN A 192.0.2.1 ; one\n IN A 192.0.2.2\n"
    assert after_head(text, change(WWW, TWO, rrset(*TWO.addresses, ttl=5))) == (
        "www 5 IN A 192.0.2.1 ; one\n IN 5 A 192.0.2.2\n"
    )


def test_a_record_of_several_lines_goes_whole():
    text = "www 60 IN A ( ; one\n  192.0.2.1\n) ; end\nnext A 192.0.2.9\n"
    assert after_head(text, change(WWW, ONE, None)) == "next A 192.0.2.9\n"


def test_names_and_addresses_are_compared_by_what_they_mean():
    text = "W\\119W.Example.TEST. 60 in aaaa 2001:DB8:0::1\n"
    six = rrset("2001:db8::1")
    assert after_head(text, change(WWW, six, None)) == ""


def test_what_is_right_already_changes_nothing():
    text = HEAD + "www 60 A 192.0.2.1\n"
    found = edited(text, change(WWW, rrset("192.0.2.9"), ONE))
    assert (found.text, found.serial, found.written) == (text, 7, {WWW})


def test_what_differs_is_left_alone_and_the_serial_raised_unless_it_is_known():
    text = HEAD + "www 60 A 192.0.2.7\n"
    found = edited(text, change(WWW, ONE, TWO))
    assert (found.text, found.differing) == (text.replace(" 7 ", " 8 "), {WWW})
    assert edited(text, change(WWW, ONE, TWO), known={WWW}).text == text


def test_a_name_is_changed_whole_or_not_at_all():
    text = HEAD + "www 60 A 192.0.2.1\nwww AAAA 2001:db8::7\n"
    both = named(change(WWW, ONE, TWO), change(WWW, rrset("2001:db8::1"), None))
    found = edit(text, "f", ZONE, [both, named(change(ZONE, None, ONE))], (), TODAY)
    assert (found.differing, found.written) == ({WWW}, {ZONE})
    assert "192.0.2.2" not in found.text


def test_an_address_that_is_none_is_refused_by_its_line():
    found = edited(HEAD + "www A \\# 4 C0000201\n", change(WWW, ONE, TWO))
    assert found.refused == {WWW: f"the file, line 5: the A record of {WWW} holds no plain address"}


def test_bytes_that_are_no_text_stay():
    text = 'x TXT "\xff\xfe" ; gr\xfc\xdf\n'
    assert after_head(text, change(WWW, None, ONE)).startswith(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "$GENERATE 1-3 h$ A 192.0.2.$\n",
            r"line 5: \$GENERATE is not understood here, nor by NSD and Unbound",
        ),
        (
            "$INCLUDE other.zone\n A 192.0.2.1\n",
            "line 6: begins with a blank, and it is not clear whose record it is",
        ),
        ('x TXT "open\n', "line 5: a quotation mark is not closed"),
        ("x A ( 192.0.2.1\n", "line 5: the parenthesis is not closed"),
        ("x A ) 192.0.2.1\n", "line 5: the parentheses do not match"),
        ("x CH TXT a\n", "line 5: is of class CH: only IN is understood here"),
        ("x 60 IN\n", "line 5: no record type is given"),
        ("x\\999 A 192.0.2.1\n", r"line 5: x\\999 is no domain name"),
        (
            "x RRSIG A 8 3 60 1 1 1 example.test. AA==\n",
            "line 5: RRSIG shows that the zone is signed in its file",
        ),
        ("@ SOA ns h 1 1 1 1 1\n", "the file has 2 SOA records of example.test: a zone has exactly one"),
    ],
)
def test_a_file_that_cannot_be_changed_safely(text, sentence):
    with pytest.raises(ProviderError, match=sentence):
        edited(HEAD + text, change(WWW, None, ONE))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file has no SOA records"),
        (
            "@ IN SOA ns h 1 1 1 1 1\n",
            r'line 1: has no TTL, and no \$TTL stands above it: add a line such as "\$TTL 3600"',
        ),
        ("$TTL 1\n@ SOA ns h\n", "line 2: the serial of the SOA is no number"),
        ("$TTL 1\n@ SOA ns h x 1 1 1 1\n", "line 2: the serial of the SOA is no number"),
        (" A 192.0.2.1\n", "line 1: begins with a blank"),
    ],
)
def test_a_file_that_is_no_zone(text, sentence):
    with pytest.raises(ProviderError, match=sentence):
        edited(text, change(WWW, None, ONE))


ADDRESSES = st.frozensets(st.sampled_from([f"192.0.2.{i}" for i in range(1, 5)]), max_size=4)
OWNERS = ("www", "api", "@")
LINES = st.lists(
    st.tuples(
        st.sampled_from(OWNERS),
        st.booleans(),
        st.sampled_from(["", "60 ", "IN ", "60 IN ", "IN 60 "]),
        st.sampled_from(
            ["A 192.0.2.1", "A 192.0.2.2", "A (\n192.0.2.3 )", 'TXT "x ; y"', "AAAA 2001:db8::1"]
        ),
        st.sampled_from(["", " ; comment", "\n; A 192.0.2.4"]),
    ),
    max_size=12,
)


def zone_of(lines):
    """The text of a zone; a line may leave out its owner where it is the one of the line before."""
    text, last = HEAD, None
    for owner, bare, head, rest, comment in lines:
        shown = "" if bare and owner == last else owner
        text += f"{shown}\t{head}{rest}{comment}\n"
        last = owner
    return text


def records_of(text):
    """All records but the SOA, as dnspython reads them."""
    zone = dns.zone.from_text(text, ZONE, relativize=False)
    return {
        (name.to_text(omit_final_dot=True), rdata.rdtype.name, rdata.to_text())
        for name, _, rdata in zone.iterate_rdatas()
        if rdata.rdtype.name != "SOA"
    }


@given(LINES, st.dictionaries(st.sampled_from(OWNERS), ADDRESSES))
def test_any_zone_holds_what_is_asked_for_and_else_what_it_held(lines, wanted):
    text = zone_of(lines)
    before = records_of(text)
    changes, expected = [], set(before)
    for owner, addresses in wanted.items():
        name = ZONE if owner == "@" else f"{owner}.{ZONE}"
        held = {record[2] for record in before if record[:2] == (name, "A")}
        sides = [rrset(*found) if found else None for found in (held, addresses)]
        if held != addresses:
            changes.append(change(name, *sides, rtype="A"))
            expected -= {(name, "A", address) for address in held}
            expected |= {(name, "A", address) for address in addresses}
    found = edited(text, *changes)
    assert found.written == {one.key.name for one in changes}
    assert records_of(found.text) == expected
    assert {RRsetKey(*record[:2]) for record in expected} >= {one.key for one in changes if one.after}
    kept = [line for line in text.splitlines() if line.startswith(";") or "TXT" in line]
    assert [line for line in kept if not any(line.strip() in new for new in found.text.splitlines())] == []
