"""What is built can be read again, and nothing that is read can do harm."""

from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core import orders
from rrdnsd.core.ledger import Entry, Stamp, value_text
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.orders import Changes, Placed, Removed
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
        assert orders.changes([entry(endpoint, at=2), entry(value, at=1)]).endpoints


KINDS = ["drain", "force", "maintenance", "pause", "failover", "service", "endpoint", "nodes"]
FIELDS = st.sampled_from(["state", "until", "to", "config", "removed", "withdraw", "addresses"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    SCALARS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner),
)
PARTS = st.text("ab.|1:", max_size=3)


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
