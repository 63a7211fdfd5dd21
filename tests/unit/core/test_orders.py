"""What is built can be read again, and nothing that is read can do harm."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core import orders
from rrdnsd.core.ledger import Entry, Ledger, Stamp, value_text
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.orders import Changes, Placed, Removed, Unlisted
from rrdnsd.core.override import Kind, Override

NAMES = st.sampled_from(["www.example.test", "api.example.test"])
ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"])
WALL, NOW = 1_800_000_000.0, 77.0


def entry(setting, at=1, who="ann", why="work"):
    return Entry(setting.key, Stamp(at, 0, "10.0.0.1:3333"), setting.value, who, why)


def standing(*settings):
    return orders.overrides([entry(setting) for setting in settings], WALL, NOW)


def told(kind, service="", address="", until=None, to=()):
    return Override(kind, service, address, until, "ann", "work", frozenset(to))


@given(NAMES, ADDRESSES, st.sampled_from(["up", "down"]))
def test_drains_and_forced_states_come_back(service, address, state):
    found = standing(orders.drain(service, address), orders.force(service, address, state))
    assert found == (told(Kind.DRAIN, service, address), told(Kind(f"forced {state}"), service, address))


@given(st.just("") | NAMES, st.none() | st.floats(WALL + 1, WALL + 1e6))
def test_a_maintenance_ends_on_the_engine_clock(service, until):
    (found,) = standing(orders.maintenance(service, until))
    assert (found.kind, found.service) == (Kind.MAINTENANCE, service)
    if until is None:
        assert found.until is None
    else:
        assert abs(found.until - (NOW + until - WALL)) < 1e-3


def test_what_has_ended_is_left_out():
    assert standing(orders.maintenance("", WALL)) == ()
    assert standing(orders.drain("www.example.test", "192.0.2.1").lifted()) == ()


@given(NAMES, st.sets(ADDRESSES, min_size=1))
def test_pause_and_failover_come_back(service, to):
    found = standing(orders.failover(service, to), orders.pause())
    assert found == (told(Kind.FAILOVER, service, to=to), told(Kind.PAUSE))


def test_keys_and_values_are_canonical():
    assert orders.drain("a.test", "192.0.2.1") == ("drain|a.test|192.0.2.1", "{}")
    assert orders.failover("a.test", ["192.0.2.2", "192.0.2.1"]) == (
        "failover|a.test",
        '{"to":["192.0.2.1","192.0.2.2"]}',
    )
    assert orders.maintenance("", None) == ("maintenance|", '{"until":null}')
    assert orders.pause() == ("pause", "{}")
    assert orders.force("a.test", "::1", "up").value == '{"state":"up"}'


@given(NAMES, st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3))
def test_a_placed_service_comes_back(fqdn, more):
    config = {**more, "fqdn": fqdn}
    assert orders.changes([entry(orders.place_service(fqdn, config))]) == Changes({fqdn: Placed(config)})


@given(NAMES, st.sets(ADDRESSES))
def test_a_removed_service_comes_back(fqdn, addresses):
    gone = orders.remove_service(
        fqdn, withdraw=True, zone="example.test", provider="default", addresses=addresses
    )
    assert orders.changes([entry(gone)]).services == {
        fqdn: Removed(True, frozenset(addresses), "example.test", "default")
    }
    kept = orders.remove_service(fqdn, withdraw=False, zone="example.test", addresses=addresses)
    assert orders.changes([entry(kept)]).services == {fqdn: Removed(withdraw=False)}


@given(NAMES, ADDRESSES, st.integers(0, 9), st.booleans())
def test_endpoints_come_back(fqdn, address, priority, withdraw):
    key = EndpointKey(fqdn, address)
    placed = orders.changes([entry(orders.place_endpoint(fqdn, address, priority, "dc1"))])
    config = {"address": address, "priority": priority, "label": "dc1"}
    assert placed.endpoints == {key: Placed(config)}
    assert placed.endpoints_of(fqdn) == {address: Placed(config)}
    removed = orders.changes([entry(orders.remove_endpoint(fqdn, address, withdraw=withdraw))])
    assert removed.endpoints == {key: Removed(withdraw)}


def test_a_service_that_was_changed_later_forgets_the_changes_of_its_endpoints():
    endpoint = orders.remove_endpoint("a.test", "192.0.2.1", withdraw=True)
    service = orders.place_service("a.test", {"fqdn": "a.test"})
    for value in (service, service.lifted()):
        assert orders.changes([entry(endpoint, at=1), entry(value, at=2)]).endpoints == {}
        assert orders.changes([entry(endpoint, at=1), entry(value, at=1)]).endpoints == {}
        assert orders.changes([entry(endpoint, at=2), entry(value, at=1)]).endpoints


KINDS = ["drain", "force", "maintenance", "pause", "failover", "service", "endpoint", "nodes"]
FIELDS = st.sampled_from(["state", "until", "to", "config", "removed", "withdraw", "addresses"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = ["up", "", "a", "192.0.2.1", 7, -1, 10**400, 0.5, True, None]
NESTED = [[], {}, [["a"]], [{}], {"fqdn": "a"}, {"fqdn": ["a"]}, {"address": "1"}, {"state": {"to": []}}]
ANYTHING = (
    st.sampled_from([*PLAIN, *NESTED, *([one] for one in PLAIN), *([one, "a"] for one in PLAIN)]) | SCALARS
)
PARTS = st.sampled_from(["", "a", "b", "a.b", "1", "1:", "|", "a|b", "."])


@given(st.sampled_from(KINDS), st.lists(PARTS, max_size=3), st.dictionaries(FIELDS, ANYTHING).map(value_text))
def test_no_entry_can_raise_and_each_is_understood_or_told_of(kind, names, value):
    found = [Entry(orders.key(kind, *names), Stamp(1, 0, "n"), value)]
    understood = orders.overrides(found, 0.0, 0.0), orders.changes(found)
    if orders.faults(found):
        assert understood == ((), Changes())


def test_a_bad_entry_does_not_keep_the_others_back():
    bad = [
        ("drain|a.test", "{}", "its key is malformed"),
        ("force|a.test|192.0.2.1", '{"state":"dead"}', 'state must be "up" or "down"'),
        ("maintenance|", '{"until":"noon"}', "until must be a number of seconds or null"),
        ("maintenance|a.test", f'{{"until":1{"0" * 400}}}', "int too large to convert to float"),
        ("service|b.test", '{"config":7}', "an object is needed"),
        ("failover|b.test", '{"to":"192.0.2.1"}', "to must be a list of addresses"),
        ("failover|c.test", '{"to":["192.0.2.1",7]}', "to must be a list of addresses"),
        ("failover|a.test", '{"to":[]}', "a failover names a service and at least one address"),
        ("service|a.test", '{"config":{"fqdn":"b.test"}}', "the fqdn of its config is another one"),
        ("service|a.test", "{}", "config or removed is missing"),
        ("endpoint|a.test|192.0.2.1", '{"config":{}}', "the address of its config is another one"),
        ("magic|x", "{}", "this version does not know such orders"),
    ]
    entries = [Entry(key, Stamp(1, 0, "n"), value) for key, value, _ in bad]
    good = entry(orders.pause())
    assert orders.overrides([*entries, good], WALL, NOW) == (told(Kind.PAUSE),)
    assert orders.faults([*entries, good]) == tuple(
        f"the order {key!r} of n is left out: {why}" for key, _, why in bad
    )


def test_records_are_withdrawn_only_where_they_are_known_to_be():
    for known in ({}, {"zone": "example.test"}, {"provider": "default"}):
        gone = orders.remove_service("a.test", withdraw=True, addresses=["192.0.2.1"], **known)
        assert orders.changes([entry(gone)]) == Changes()
        (fault,) = orders.faults([entry(gone)])
        assert fault == (
            "the order 'service|a.test' of 10.0.0.1:3333 is left out: "
            "zone and provider are needed to withdraw the records of a service"
        )


def test_an_endpoint_is_of_the_first_priority_and_has_no_label_unless_it_is_said():
    placed = orders.place_endpoint("a.test", "192.0.2.1")
    assert placed.value == '{"config":{"address":"192.0.2.1","label":"","priority":0}}'


GONE = Unlisted("example.test", "default", frozenset({"192.0.2.2", "192.0.2.1"}))


def test_what_files_list_no_more_comes_back_by_service_and_node():
    said = orders.unlist("a.test", "10.0.0.1:3333", GONE)
    assert said == (
        "unlisted|a.test|10.0.0.1:3333",
        '{"addresses":["192.0.2.1","192.0.2.2"],"provider":"default","zone":"example.test"}',
    )
    other = orders.unlist("a.test", "10.0.0.2:3333", GONE)
    assert orders.changes([entry(said), entry(other)]) == Changes(
        unlisted={"a.test": {"10.0.0.1:3333": GONE, "10.0.0.2:3333": GONE}}
    )
    assert orders.unlist("a.test", "n", replace(GONE, addresses=frozenset())) == said._replace(
        key="unlisted|a.test|n", value=None
    )


@pytest.mark.parametrize("field", ["zone", "provider", "addresses"])
def test_what_a_file_lists_no_more_is_left_out_if_nobody_can_tell_where_it_is(field):
    value = {"zone": "example.test", "provider": "default", "addresses": ["192.0.2.1"]}
    del value[field]
    bad = Entry("unlisted|a.test|n", Stamp(1, 0, "n"), value_text(value))
    assert orders.changes([bad]) == Changes()
    (fault,) = orders.faults([bad])
    assert fault == (
        "the order 'unlisted|a.test|n' of n is left out: "
        "zone, provider and addresses are needed to withdraw what a file lists no more"
    )


def test_changes_of_endpoints_are_found_by_service():
    one, other = Removed(withdraw=True), Removed(withdraw=False)
    found = Changes(
        endpoints={
            EndpointKey("a.test", "192.0.2.1"): one,
            EndpointKey("b.test", "192.0.2.1"): one,
            EndpointKey("a.test", "192.0.2.2"): other,
        }
    )
    assert found.by_service() == {
        "a.test": {"192.0.2.1": one, "192.0.2.2": other},
        "b.test": {"192.0.2.1": one},
    }


def test_what_a_ledger_says_is_what_its_entries_say_and_is_read_once():
    ledger = Ledger()
    ledger.merge([entry(orders.pause()), entry(orders.remove_service("a.test", withdraw=False))])
    found = orders.overrides(ledger, WALL, NOW)
    assert found == orders.overrides([*ledger], WALL, NOW) == (told(Kind.PAUSE),)
    assert orders.overrides(ledger, WALL, NOW)[0] is found[0]
    assert orders.changes(ledger) == orders.changes([*ledger])
    assert orders.changes(ledger) is orders.changes(ledger)
