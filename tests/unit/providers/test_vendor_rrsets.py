"""Single records against RRsets: what is served, and the steps of a change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import RRset, RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers.vendor.rrsets import Record, above, steps, view_of
from support.changes import change, named, rrset

ZONE, WWW = "example.test", "www.example.test"
A, AAAA = RRsetKey(WWW, "A"), RRsetKey(WWW, "AAAA")


def record(content, ttl=60, name=WWW, rtype=None, ident=""):
    return Record(ident or content, name, rtype or ("AAAA" if ":" in content else "A"), content, ttl)


def made(change_of_name, records, least_ttl=0):
    return [
        (s.action, s.record.content, s.record.ttl) for s in steps("v", change_of_name, records, least_ttl)
    ]


def test_addresses_are_canonical():
    view = view_of("v", ZONE, [record("2001:DB8:0::1"), record(" 192.0.2.1 ")], [A, AAAA])
    assert view.rrsets == {A: rrset("192.0.2.1"), AAAA: rrset("2001:db8::1")}


def test_an_address_that_is_none_is_an_error_without_its_value():
    with pytest.raises(
        ProviderError, match=r"^v lists a record of type A at www\.example\.test that holds no address$"
    ):
        view_of("v", ZONE, [record("evil\n", rtype="A")], [A])


def test_only_what_is_asked_for_is_looked_at():
    view = view_of("v", ZONE, [record("nonsense", name="other.example.test", rtype="A")], [A])
    assert (view.rrsets, view.problems) == ({}, {})


@pytest.mark.parametrize("rtype", ["CNAME", "ALIAS", "ANAME", "LUA"])
def test_a_stand_in_at_the_name_is_its_problem(rtype):
    view = view_of("v", ZONE, [record("x.test", rtype=rtype), record("192.0.2.1")], [A])
    assert view.rrsets == {}
    assert view.problems[WWW].startswith(f"{WWW} has a {rtype} record at v")


def test_a_delegation_above_the_name_is_its_problem_and_the_zone_itself_is_none():
    apex = record("ns", name=ZONE, rtype="NS")
    assert view_of("v", ZONE, [apex], [A]).problems == {}
    cut = record("ns", name="sub.example.test", rtype="NS")
    view = view_of("v", ZONE, [apex, cut], [RRsetKey("a.b.sub.example.test", "A")])
    assert "NS records at sub.example.test" in view.problems["a.b.sub.example.test"]


def test_the_names_above():
    assert list(above("a.b.example.test", ZONE)) == ["a.b.example.test", "b.example.test"]
    assert list(above(ZONE, ZONE)) == []
    assert list(above("notexample.test", ZONE)) == []


def test_all_adds_come_before_all_removes_of_both_families():
    four = change(WWW, rrset("192.0.2.1"), rrset("192.0.2.2"))
    six = change(WWW, rrset("2001:db8::1"), rrset("2001:db8::2"))
    found = made(named(four, six), [record("192.0.2.1"), record("2001:db8::1")])
    assert found == [
        ("add", "192.0.2.2", 60),
        ("add", "2001:db8::2", 60),
        ("remove", "192.0.2.1", 60),
        ("remove", "2001:db8::1", 60),
    ]


def test_the_least_ttl_of_the_vendor():
    short = named(change(WWW, None, rrset("192.0.2.1", ttl=5)))
    assert made(short, [], least_ttl=30) == [("add", "192.0.2.1", 30)]
    again = named(change(WWW, rrset("192.0.2.1", ttl=30), rrset("192.0.2.1", ttl=5)))
    assert made(again, [record("192.0.2.1", ttl=30)], least_ttl=30) == []


def test_other_names_and_types_are_never_touched():
    others = [
        record("192.0.2.1", name="api.example.test"),
        record("192.0.2.1", rtype="TXT"),
        record("2001:db8::1"),
    ]
    assert made(named(change(WWW, rrset("192.0.2.1"), None)), others) == []


ADDRESSES = st.frozensets(st.sampled_from([f"192.0.2.{i}" for i in range(6)]), max_size=6)


@given(ADDRESSES, ADDRESSES, st.lists(st.integers(0, 5)), st.sampled_from([5, 60]))
def test_the_steps_lead_to_what_is_wanted_and_never_through_an_empty_name(before, after, twice, ttl):
    records = [record(a, ident=a) for a in sorted(before)]
    records += [record(f"192.0.2.{i}", ident=f"{n}") for n, i in enumerate(twice) if f"192.0.2.{i}" in before]
    old = RRset(60, before) if before else None
    new = RRset(ttl, after) if after else None
    held = {r.ident: r for r in records}
    for step in steps("v", named(change(WWW, old, new, "A")), records):
        if step.action == "remove":
            del held[step.record.ident]
        else:
            held[step.record.ident or f"new {step.record.content}"] = step.record
        assert held or not after
    assert sorted(r.content for r in held.values()) == sorted(after)
    assert all(r.ttl == ttl for r in held.values())
