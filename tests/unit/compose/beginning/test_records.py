"""Which names of a zone are proposed, and why the others are not."""

from rrdnsd.compose.beginning.guessing import Guess, candidates
from rrdnsd.compose.beginning.records import Candidate, LeftOut, Record, sort_out
from rrdnsd.core.model import ProbeResult, Timings

ZONE = "example.org"


def records(*lines):
    made = []
    for line in lines:
        name, rtype, value, *ttl = line.split()
        made.append(Record(ZONE if name == "@" else f"{name}.{ZONE}", rtype, int(*ttl or [60]), value))
    return made


def why(*lines):
    found = sort_out(ZONE, records(*lines))
    assert found.candidates == ()
    return {one.name.removesuffix(f".{ZONE}"): one.why for one in found.left_out}


def test_two_addresses_of_both_families_together():
    found = sort_out(
        ZONE, records("www AAAA 2001:DB8::1 30", "www A 192.0.2.1 30", "@ A 192.0.2.1", "@ A 192.0.2.2")
    )
    assert found.candidates == (
        Candidate(ZONE, ZONE, ("192.0.2.1", "192.0.2.2"), 60),
        Candidate(f"www.{ZONE}", ZONE, ("192.0.2.1", "2001:db8::1"), 30),
    )
    assert found.left_out == ()


def test_what_is_left_out_has_a_reason():
    two = ("A 192.0.2.1", "A 192.0.2.2")
    assert why("one A 192.0.2.1") == {"one": "has one address only"}
    assert why(*(f"*.w {a}" for a in two)) == {"*.w": "is a wildcard"}
    assert why("c CNAME www.example.org") == {"c": "is a CNAME"}
    assert why(*(f"ns {a}" for a in two), f"@ NS ns.{ZONE}") == {
        "ns": "is a name server: its addresses must not depend on health"
    }
    below = f"belongs to sub.{ZONE}, which is delegated"
    assert why(*(f"a.b.sub {a}" for a in two), "sub NS ns.elsewhere.test") == {"a.b.sub": below}
    assert why(*(f"sub {a}" for a in two), "sub NS ns.elsewhere.test") == {"sub": below}
    assert "cannot be watched" in why("l AAAA fe80::1", "l AAAA fe80::2")["l"]
    assert "cannot be watched" in why("a/b A 192.0.2.1", "a/b A 192.0.2.2")["a/b"]


def test_a_name_that_only_ends_like_a_delegated_one_is_not_below_it():
    found = sort_out(ZONE, records("mysub A 192.0.2.1", "mysub A 192.0.2.2", "sub NS ns.elsewhere.test"))
    assert [one.name for one in found.candidates] == [f"mysub.{ZONE}"]


def test_what_lies_outside_the_zone_is_left_out():
    stray = [Record("www.example.com", "A", 60, f"192.0.2.{number}") for number in (1, 2)]
    assert sort_out(ZONE, stray).left_out == (LeftOut("www.example.com", f"is outside the zone {ZONE}"),)


def test_different_ttls_are_told_and_the_least_is_taken():
    (one,) = sort_out(ZONE, records("www A 192.0.2.1 300", "www AAAA 2001:db8::1 60")).candidates
    assert one.ttl == 60
    assert "different TTLs" in one.remarks[0]


def test_who_takes_mail_is_asked_for_mail_first():
    (one,) = sort_out(ZONE, records("in A 192.0.2.1", "in A 192.0.2.2", f"@ MX in.{ZONE}")).candidates
    assert one.takes_mail
    assert candidates(one.name, takes_mail=True)[0] == "tcp://{}:25"
    assert candidates("mx-2.example.org")[0] == "tcp://{}:25"
    assert candidates("www.example.org")[:2] == ("https://{}/", "http://{}/")
    assert len(set(candidates("git.example.org"))) == len(candidates("git.example.org"))


def test_a_guess_counts_who_answered():
    up, down = (ProbeResult(ok, "", Timings(0.1)) for ok in (True, False))
    assert Guess("x", {"a": up, "b": down, "c": up}).up == 2
