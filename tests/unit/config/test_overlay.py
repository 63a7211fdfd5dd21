"""The file and what operators changed beside it: one configuration, checked by the same rules."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.config import load
from rrdnsd.config.export import export
from rrdnsd.config.loader import load_raw
from rrdnsd.config.overlay import overlay, overlay_what_fits, withdrawn_endpoints, withdrawn_services
from rrdnsd.core import orders
from rrdnsd.core.ledger import Entry, Stamp
from rrdnsd.errors import ConfigError

SECRET = "hmac-sha256:key:c2VjcmV0"
WWW, API = "www.example.test", "api.example.test"
ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
FILE = {
    "_comment": "the whole",
    "local_node": "127.0.0.1:3333",
    "nodes": ["127.0.0.1:3333"],
    "services": [
        {
            "_comment": "the site",
            "fqdn": "WWW.example.test.",
            "zone": "example.test",
            "healthcheck": "http://{}:8080/",
            "ipaddrs": [ONE, {"address": TWO, "priority": 1, "_why": "the old one"}],
            "headers": {"Authorization": "Bearer 123", "Accept": "*/*"},
        }
    ],
}
SERVICE = {
    "fqdn": API,
    "zone": "example.test",
    "healthcheck": "tcp://{}:80",
    "ipaddrs": [ONE],
}


def loaded(folder, env=None, **more):
    path = folder / "rrdnsd.json"
    path.write_text(json.dumps({**FILE, **more}))
    return load_raw(path, env or {})


def changes(*settings):
    return orders.changes(
        [Entry(s.key, Stamp(number, 0, "n"), s.value) for number, s in enumerate(settings, 1)]
    )


def result(folder, *settings, **more):
    return overlay(loaded(folder), changes(*settings), **more)


def addresses(config, index=0):
    return [(e.address, e.priority) for e in config.services[index].ipaddrs]


def problems(folder, *settings, **more):
    with pytest.raises(ConfigError) as caught:
        result(folder, *settings, **more)
    return list(caught.value.problems)


def test_without_changes_it_is_what_the_file_says(tmp_path):
    file = loaded(tmp_path)
    assert overlay(file, changes()) == file.config == load(file.path, {})


def test_a_service_is_added_changed_and_removed(tmp_path):
    config = result(tmp_path, orders.place_service(API, SERVICE))
    assert [service.fqdn for service in config.services] == [WWW, API]
    other = {**SERVICE, "fqdn": WWW, "ttl": 7}
    config = result(tmp_path, orders.place_service(API, SERVICE), orders.place_service(WWW, other))
    assert [(service.fqdn, service.ttl) for service in config.services] == [(WWW, 7), (API, None)]
    config = result(tmp_path, orders.place_service(API, SERVICE), orders.remove_service(WWW, withdraw=False))
    assert [service.fqdn for service in config.services] == [API]


def test_endpoints_are_added_changed_and_removed(tmp_path):
    config = result(
        tmp_path,
        orders.place_endpoint(WWW, THREE, 4, "dc1"),
        orders.remove_endpoint(WWW, ONE, withdraw=True),
        orders.place_endpoint(WWW, TWO, 9),
        orders.remove_endpoint("no.example.test", ONE, withdraw=True),
    )
    assert addresses(config) == [(TWO, 9), (THREE, 4)]
    config = result(tmp_path, orders.place_service(API, SERVICE), orders.place_endpoint(API, THREE))
    assert addresses(config, 1) == [(ONE, 0), (THREE, 0)]


def test_other_nodes_replace_those_of_the_file(tmp_path):
    assert result(tmp_path, nodes=["127.0.0.1:3333", "127.0.0.1:4444"]).nodes == (
        "127.0.0.1:3333",
        "127.0.0.1:4444",
    )


def test_mistakes_are_told_where_an_operator_made_them(tmp_path):
    wrong = {**SERVICE, "ttl": -1, "ipaddrs": ["no"], "zzz": 1}
    assert problems(tmp_path, orders.place_service(API, wrong), about=API) == [
        'config.ipaddrs[0]: "no" is a host name, give its IP addresses instead',
        "config.ttl: must be at least 0, got -1",
        "config.zzz: unknown key",
    ]
    (other,) = problems(tmp_path, orders.place_service(API, {**SERVICE, "ttl": -1}))
    assert other == 'services["api.example.test"].ttl: must be at least 0, got -1'
    (gone,) = problems(
        tmp_path,
        orders.remove_endpoint(WWW, ONE, withdraw=True),
        orders.remove_endpoint(WWW, TWO, withdraw=True),
    )
    assert gone.startswith('services["www.example.test"].ipaddrs: must not be empty')
    (last,) = problems(tmp_path, orders.remove_service(WWW, withdraw=True, zone="example.test", provider="x"))
    assert last.startswith("services: must not be empty")


def test_a_service_of_the_network_reads_no_secret_of_this_machine(tmp_path):
    spy = {**SERVICE, "headers": {"X-Leak": "env:HOME"}}
    with pytest.raises(ConfigError, match=r'config.headers.X-Leak: "env:" is for the file'):
        overlay(loaded(tmp_path, {"HOME": "/root"}), changes(orders.place_service(API, spy)), about=API)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"healthcheck": "script:///bin/true"}, "config.healthcheck: a script that every node shall run is"),
        ({"healthcheck": "SCRIPT:///bin/true"}, "config.healthcheck: a script that every node shall run is"),
        (
            {"healthcheck": "tcp://{}:25", "query_response": [{"expect": "x"}, {"send": "env:HOME"}]},
            r'config.query_response\[1\].send: "env:" is for the file',
        ),
        (
            {"healthcheck": "heartbeat://{}", "heartbeat_secret": "file:secret"},
            'config.heartbeat_secret: "file:" is for the file',
        ),
        (
            {"probe_options": {"a": [{"b": "file:secret"}]}},
            'config.probe_options.a.*: "file:" is for the file',
        ),
    ],
)
def test_a_service_of_the_network_runs_no_program_and_reads_no_file(tmp_path, keys, problem):
    (tmp_path / "secret").write_text("0123456789abcdef")
    with pytest.raises(ConfigError, match=problem):
        overlay(
            loaded(tmp_path, {"HOME": "/root"}),
            changes(orders.place_service(API, {**SERVICE, **keys})),
            about=API,
        )


def test_what_does_not_fit_is_left_out_with_its_service_only(tmp_path):
    bad = orders.place_service(API, {**SERVICE, "ttl": -1})
    good = orders.place_endpoint(WWW, THREE)
    found = overlay_what_fits(loaded(tmp_path), changes(bad, good))
    assert addresses(found.config) == [(ONE, 0), (TWO, 1), (THREE, 0)]
    assert found.left_out == ('services["api.example.test"].ttl: must be at least 0, got -1',)
    assert found.changes == changes(good)
    both = [orders.remove_endpoint(WWW, address, withdraw=True) for address in (ONE, TWO)]
    found = overlay_what_fits(loaded(tmp_path), changes(*both))
    assert (addresses(found.config), len(found.left_out)) == ([(ONE, 0), (TWO, 1)], 1)
    found = overlay_what_fits(loaded(tmp_path), changes(good), ["127.0.0.1:4444"])
    assert found.config.nodes == ("127.0.0.1:3333",)
    assert len(addresses(found.config)) == 3
    found = overlay_what_fits(loaded(tmp_path), changes(orders.remove_service(WWW, withdraw=False)))
    assert addresses(found.config) == [(ONE, 0), (TWO, 1)]


def test_withdrawals_are_what_nothing_else_names_any_more(tmp_path):
    gone = orders.remove_service(
        "old.example.test", withdraw=True, zone="example.test", provider="default", addresses=[THREE]
    )
    stranger = orders.remove_service(
        "x.example.test", withdraw=True, zone="other.test", provider="default", addresses=[THREE]
    )
    made = changes(
        gone,
        stranger,
        orders.remove_endpoint(WWW, ONE, withdraw=True),
        orders.remove_endpoint(WWW, THREE, withdraw=False),
    )
    config = overlay(loaded(tmp_path), made)
    assert withdrawn_endpoints(config, made) == {WWW: {ONE}}
    assert [(w.fqdn, w.zone, w.provider, w.addresses) for w in withdrawn_services(config, made)] == [
        ("old.example.test", "example.test", "default", {THREE})
    ]


def exported(folder, made=(), nodes=None, env=None, **more):
    file = loaded(folder, env, **more)
    config, names = export(file.raw, changes(*made), nodes)
    return file, config, names


def test_an_export_loads_to_the_same_and_holds_no_secret(tmp_path):
    more = {
        "update_method": "rfc2136",
        "update_resolvers": ["192.0.2.53"],
        "update_credentials": SECRET,
        "cluster_secret": "0123456789abcdef",
        "providers": {
            "big.one": {
                "update_method": "nsupdate",
                "update_resolvers": ["192.0.2.54"],
                "update_credentials": "env:KEY",
            }
        },
        "builtin": {"tsig": SECRET},
    }
    env = {"KEY": SECRET}
    made = (orders.place_service(API, {**SERVICE, "provider": "big.one"}), orders.place_endpoint(WWW, THREE))
    nodes = ["127.0.0.1:3333", "127.0.0.1:4444"]
    file, config, names = exported(tmp_path, made, nodes, env, **more)
    text = json.dumps(config)
    assert SECRET not in text
    assert "0123456789abcdef" not in text
    assert "Bearer" not in text
    secrets = {
        "RRDNSD_UPDATE_CREDENTIALS": SECRET,
        "RRDNSD_CLUSTER_SECRET": "0123456789abcdef",
        "RRDNSD_BUILTIN_TSIG": SECRET,
        "RRDNSD_SERVICES_WWW_EXAMPLE_TEST_HEADERS_AUTHORIZATION": "Bearer 123",
    }
    assert sorted(names) == sorted(secrets)
    assert config["providers"]["big.one"]["update_credentials"] == "env:KEY"
    again = tmp_path / "again.json"
    again.write_text(text)
    wanted = overlay(file, changes(*made), nodes)
    found = load(again, {**env, **secrets})
    assert found == wanted
    assert [found.effective(s) for s in found.services] == [wanted.effective(s) for s in wanted.services]
    assert (config["_comment"], config["services"][0]["_comment"]) == ("the whole", "the site")
    assert config["services"][0]["ipaddrs"][1]["_why"] == "the old one"


FQDNS = st.sampled_from([WWW, API, "c.example.test"])
SETTINGS = st.one_of(
    st.builds(
        lambda fqdn, ttl: orders.place_service(fqdn, {**SERVICE, "fqdn": fqdn, "ttl": ttl}),
        FQDNS,
        st.integers(-1, 3),
    ),
    st.builds(
        lambda fqdn, withdraw: orders.remove_service(
            fqdn, withdraw=withdraw, zone="example.test", provider="default", addresses=[ONE]
        ),
        FQDNS,
        st.booleans(),
    ),
    st.builds(orders.place_endpoint, FQDNS, st.sampled_from([ONE, TWO, THREE]), st.integers(0, 2)),
    st.builds(
        lambda fqdn, address, withdraw: orders.remove_endpoint(fqdn, address, withdraw=withdraw),
        FQDNS,
        st.sampled_from([ONE, TWO, THREE]),
        st.booleans(),
    ),
)


@given(st.lists(SETTINGS, max_size=6))
def test_whatever_operators_do_the_export_says_what_is_watched(tmp_path_factory, settings):
    folder = tmp_path_factory.mktemp("export")
    file = loaded(folder)
    latest = {s.key: s for s in settings}
    made = changes(*latest.values())
    found = overlay_what_fits(file, made)
    if not found.left_out:
        assert overlay(file, made) == found.config
    config, names = export(file.raw, found.changes)
    again = folder / "again.json"
    again.write_text(json.dumps(config))
    assert load(again, dict.fromkeys(names, "Bearer 123")) == found.config
