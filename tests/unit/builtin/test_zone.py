"""Zones as values: what a change does to what exists, and serials."""

import dns.name
import dns.rdatatype
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import RRsetKey
from rrdnsd.providers.builtin.zone import (
    Absence,
    Settings,
    absolute,
    changed,
    expecting,
    find,
    homeless_servers,
    numbered,
    rrsets,
    served,
    unpublished,
)
from support.builtin import ZONE, key, records, rrset, zone

NAMES = ["@", "a", "b", "b.a", "c.b.a", "x.y"]


def test_a_change_leaves_the_zone_before_it_as_it_was():
    before = zone("www A 192.0.2.1")
    after = changed(before, {key("www"): None, key("new"): rrset("192.0.2.2")}, 8)
    assert served(before, key("www")) == rrset("192.0.2.1")
    assert (served(after, key("www")), served(after, key("new"))) == (None, rrset("192.0.2.2"))
    assert find(before, absolute(key("new").name)) is Absence.NO_SUCH_NAME
    assert (before.serial, after.serial) == (7, 8)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["A", "AAAA"]), st.booleans()), max_size=15
    ),
    managed=st.sets(st.sampled_from(NAMES)),
)
def test_step_by_step_is_the_same_as_all_at_once(steps, managed):
    fresh = unpublished(ZONE, Settings(), [key(name).name for name in managed])
    stepwise, model, decided = fresh, {}, set()
    for name, rtype, present in steps:
        value = rrset("192.0.2.1" if rtype == "A" else "2001:db8::1") if present else None
        stepwise = changed(stepwise, {key(name, rtype): value}, 9)
        decided.add(key(name).name)
        model[key(name, rtype)] = value
    if not steps:
        return
    alive = {RRsetKey(*some) for some, value in model.items() if value}
    undecided = {key(name).name for name in managed} - decided
    for name in [*NAMES, "y", "nobody"]:
        fqdn = key(name).name
        below = any(other.endswith(f".{fqdn}") for other in {some.name for some in alive} | undecided)
        found = find(stepwise, absolute(fqdn))
        if any(some.name == fqdn for some in alive) or name == "@":
            assert isinstance(found, dict)
            assert {rdtype.name for rdtype in found} - {"SOA", "NS"} == {
                some.rtype for some in alive if some.name == fqdn
            }
        elif fqdn in undecided:
            assert found is Absence.NOT_DECIDED
        else:
            assert found == ({} if below else Absence.NO_SUCH_NAME)
    assert stepwise.complete >= (not undecided)


def test_a_withdrawn_name_is_denied_and_stays_so():
    gone = changed(zone("www A 192.0.2.1"), {key("www"): None}, 8)
    assert find(expecting(gone, [key("www").name]), absolute(key("www").name)) is Absence.NO_SUCH_NAME
    assert gone.withdrawn == {key("www").name}
    back = changed(gone, {key("www"): rrset("192.0.2.1")}, 9)
    assert back.withdrawn == frozenset()


def test_a_zone_is_complete_when_all_its_names_are_decided_and_then_for_good():
    one = zone("www A 192.0.2.1", names=("www.example.test", "api.example.test"))
    assert not one.complete
    both = changed(one, {key("api"): None}, 8)
    assert both.complete
    more = expecting(both, ["late.example.test"])
    assert more.complete
    assert changed(more, {key("www"): rrset("192.0.2.2")}, 9).complete


def test_the_addresses_of_name_servers_inside_the_zone():
    own = zone("www A 192.0.2.1", ns=("ns1.example.test", "ns.elsewhere.test"), addresses=("192.0.2.53",))
    assert served(own, key("ns1")) == rrset("192.0.2.53", ttl=3600)
    assert [server.to_text() for server in own.ns] == ["ns1.example.test.", "ns.elsewhere.test."]
    assert homeless_servers(own) == []
    assert homeless_servers(zone("www A 192.0.2.1")) == ["ns.example.test"]
    managed = changed(own, {key("ns1"): rrset("192.0.2.1")}, 8)
    assert served(managed, key("ns1")) == rrset("192.0.2.1")


def test_every_rrset_is_listed_once_the_name_servers_first():
    text = "www A 192.0.2.1\nwww AAAA 2001:db8::1\n@ A 192.0.2.9"
    listed = [
        (owner.to_text(), rdataset.rdtype.name) for owner, rdataset in rrsets(zone(text, addresses=("::1",)))
    ]
    assert listed[0] == ("example.test.", "NS")
    assert sorted(listed[1:]) == [
        ("example.test.", "A"),
        ("ns.example.test.", "AAAA"),
        ("www.example.test.", "A"),
        ("www.example.test.", "AAAA"),
    ]


def test_the_soa_says_what_the_settings_say():
    settings = {"ns": ("ns1.example.net",), "hostmaster": "dns\\.admin.example.net", "refresh": 1, "retry": 2}
    soa = zone("www A 192.0.2.1", **settings, expire=3, negative_ttl=4).soa
    assert soa.to_text() == "ns1.example.net. dns\\.admin.example.net. 7 1 2 3 4"
    assert soa.rname == dns.name.Name((b"dns.admin", b"example", b"net", b""))


@given(st.permutations(["www A 192.0.2.1 192.0.2.2", "www AAAA 2001:db8::1", "@ A 192.0.2.9"]))
def test_the_digest_is_that_of_the_address_records_whatever_their_order_and_the_rest(lines):
    one = zone("\n".join(lines))
    stepwise = zone("gone A 192.0.2.7", serial=99, ns=("ns1.example.net",), addresses=("192.0.2.53",))
    stepwise = changed(stepwise, {key("gone"): None, key("www"): rrset("192.0.2.3")}, 100)
    for line in lines:
        stepwise = changed(stepwise, records(line), 101)
    assert stepwise.digest == one.digest == numbered(one, 7).digest
    others = [
        rrset("192.0.2.1"),
        rrset("192.0.2.1", "192.0.2.2", ttl=6),
        rrset("192.0.2.1", "192.0.2.3"),
        None,
    ]
    assert one.digest not in {changed(one, {key("www"): other}, 9).digest for other in others}
    assert unpublished(ZONE, Settings()).digest == changed(zone("a A 192.0.2.1"), {key("a"): None}, 8).digest


def test_a_new_number_changes_nothing_but_the_soa():
    one = zone("www A 192.0.2.1\n@ AAAA 2001:db8::1")
    again = numbered(one, 8)
    assert find(again, again.origin)[dns.rdatatype.SOA][0].serial == again.serial == 8
    assert numbered(again, 7) == one


def test_records_reads_what_the_other_tests_write():
    assert records("www A 192.0.2.1 192.0.2.2") == {key("www"): rrset("192.0.2.1", "192.0.2.2")}
