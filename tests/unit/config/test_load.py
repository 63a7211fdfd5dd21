"""What a good configuration becomes, and what it may say in its secrets and paths."""

import json
import time
import tomllib
from pathlib import Path

import pytest

from rrdnsd.config import config_path, load
from rrdnsd.config.loader import load_raw
from rrdnsd.errors import ConfigError

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
MINIMAL = {
    "local_node": "127.0.0.1:3333",
    "nodes": ["127.0.0.1:3333"],
    "services": [
        {
            "fqdn": "www.example.test",
            "zone": "example.test",
            "healthcheck": "http://{}:8080/",
            "ipaddrs": ["192.0.2.1", "192.0.2.2"],
        }
    ],
}


def write(folder, config, name="rrdnsd.json"):
    path = folder / name
    path.write_text(json.dumps(config))
    return path


def load_with(folder, env=None, **keys):
    return load(write(folder, {**MINIMAL, **keys}), env or {})


def load_service(folder, **keys):
    config = load(write(folder, {**MINIMAL, "services": [{**MINIMAL["services"][0], **keys}]}), {})
    return config.services[0]


def problems(path, env=None):
    with pytest.raises(ConfigError) as caught:
        load(path, env or {})
    return caught.value.problems


def test_the_original_example_loads_unchanged():
    config = load(EXAMPLES / "rrdnsd.json", {})
    assert config.local_node == "127.0.0.1:3333"
    assert config.nodes == ("127.0.0.1:3333",)
    assert config.update_resolvers == ("127.0.0.1:5454",)
    assert config.update_credentials.get_secret_value() == ""
    service = config.effective(config.services[0])
    assert (service.fqdn, service.zone, service.ttl) == ("rrdnsd.test", "rrdnsd.test", 5)
    assert (service.probe_interval, service.probe_timeout, service.fast_interval) == (1.0, 1.0, 0.1)
    assert [endpoint.address for endpoint in service.endpoints] == ["127.0.0.2", "127.0.0.3"]
    assert config.effective_providers()[0].method == "nsupdate"


def test_the_full_example_loads():
    config = load(
        EXAMPLES / "rrdnsd.toml",
        {
            "RRDNSD_TSIG_KEY": "hmac-sha256:rrkey:c2VjcmV0IQ==",
            "RRDNSD_CLUSTER_SECRET": "0123456789abcdef",
        },
    )
    methods = {provider.name: provider.method for provider in config.effective_providers()}
    assert methods == {"default": "rfc2136", "internal": "knsupdate", "here": "builtin"}


def test_toml_and_json_say_the_same(tmp_path):
    toml = (EXAMPLES / "rrdnsd.toml").read_bytes()
    path = write(tmp_path, tomllib.loads(toml.decode()))
    twin = tmp_path / "rrdnsd.TOML"
    twin.write_bytes(toml)
    env = {"RRDNSD_TSIG_KEY": "rrkey:c2VjcmV0IQ==", "RRDNSD_CLUSTER_SECRET": "0123456789abcdef"}
    assert load(path, env) == load(twin, env)


def test_underscore_keys_are_ignored_at_every_level(tmp_path):
    service = {**MINIMAL["services"][0], "_x": 1, "ipaddrs": [{"address": "192.0.2.1", "_rack": 7}]}
    config = load_with(
        tmp_path,
        services=[service],
        _comment=["anything"],
        headers={"_why": 5, "X-Probe": "1"},
        providers={"_off": 1, "b": {"update_method": "rfc2136", "update_resolvers": ["192.0.2.53"], "_": 0}},
    )
    assert config.headers == {"X-Probe": "1"}
    assert set(config.providers) == {"b"}


def test_repeated_underscore_keys_and_the_schema_of_an_editor_are_fine(tmp_path):
    text = json.dumps(MINIMAL)
    path = tmp_path / "rrdnsd.json"
    path.write_text('\ufeff{"$schema": "rrdnsd.schema.json", "_": 1, "_": 2, ' + text[1:])
    assert load(path, {}) == load(write(tmp_path, MINIMAL, "plain.json"), {})


def test_the_version_may_be_left_out(tmp_path):
    assert load_with(tmp_path).conf_version == 1


@pytest.mark.parametrize(
    ("env", "given", "expected"),
    [
        ({}, None, "/etc/rrdnsd.json"),
        ({"CONF": ""}, None, "/etc/rrdnsd.json"),
        ({"CONF": "integ/rrdnsd.json"}, None, "integ/rrdnsd.json"),
        ({"CONF": "integ/rrdnsd.json"}, Path("mine.toml"), "mine.toml"),
    ],
)
def test_which_file_is_read(env, given, expected):
    assert config_path(env, given) == Path(expected)


def test_local_node_comes_from_the_environment(tmp_path):
    path = write(tmp_path, {**MINIMAL, "nodes": ["127.0.0.1:3333", "127.0.0.1:8000"]})
    assert load(path, {"LOCAL_NODE": "127.0.0.1:8000"}).local_node == "127.0.0.1:8000"
    assert load(path, {"LOCAL_NODE": ""}).local_node == "127.0.0.1:3333"
    assert problems(path, {"LOCAL_NODE": "127.0.0.1:9"}) == (
        'LOCAL_NODE in the environment: "127.0.0.1:9" is not among nodes (127.0.0.1:3333, 127.0.0.1:8000)',
    )


def test_names_and_addresses_become_canonical(tmp_path):
    service = load_service(
        tmp_path,
        fqdn="_Sip.WWW.Example.test.",
        zone="EXAMPLE.test",
        healthcheck="HTTP://[{}]:80/a?ip={}",
        ipaddrs=["2001:DB8:0::1", {"address": "192.0.2.1", "priority": 5, "label": "rack 1"}],
    )
    assert (service.fqdn, service.zone) == ("_sip.www.example.test", "example.test")
    assert service.healthcheck == "http://{}:80/a?ip={}"
    assert [endpoint.address for endpoint in service.ipaddrs] == ["2001:db8::1", "192.0.2.1"]


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        (204, ((204, 204),)),
        ("204", ((204, 204),)),
        ("200-399", ((200, 399),)),
        (["200-299", 401], ((200, 299), (401, 401))),
    ],
)
def test_expected_status(tmp_path, text, ranges):
    assert load_service(tmp_path, expect_status=text).expect_status == ranges


@pytest.mark.parametrize(
    ("text", "level"), [("warn", "warning"), ("WARNING", "warning"), ("Trace", "trace"), ("error", "error")]
)
def test_log_levels_of_rust_and_python(tmp_path, text, level):
    assert load_with(tmp_path, loglevel=text).loglevel == level


def test_the_guard_against_removals_can_be_switched_off(tmp_path):
    assert load_with(tmp_path).max_removals.share == 0.5
    assert load_with(tmp_path, max_removals={"share": 0.25}).max_removals.window_ms == 60_000
    assert load_with(tmp_path, max_removals=None).max_removals is None


def test_files_are_looked_for_beside_the_configuration(tmp_path):
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    config = load_with(tmp_path, ca_file="ca.pem", state_dir="state")
    assert config.ca_file == str(tmp_path / "ca.pem")
    assert config.state_dir == str(tmp_path / "state")


def test_several_services_of_one_zone_may_have_different_providers(tmp_path):
    other = {**MINIMAL["services"][0], "fqdn": "api.example.test", "provider": "b"}
    config = load_with(
        tmp_path,
        services=[*MINIMAL["services"], other],
        providers={"b": {"update_method": "nsupdate", "update_resolvers": ["[::1]:5300"]}},
        update_timeout_ms=1500,
    )
    default, named = config.effective_providers()
    assert (default.method, default.resolvers, default.zones) == ("builtin", (), ("example.test",))
    assert (named.method, named.resolvers, named.timeout) == ("nsupdate", (("::1", 5300),), 1.5)


def secret(folder, text, env=None):
    keys = {"update_method": "rfc2136", "update_resolvers": ["192.0.2.53"], "update_credentials": text}
    return load_with(folder, env, **keys).update_credentials.get_secret_value()


def test_secrets_from_the_environment_and_from_files(tmp_path):
    (tmp_path / "key").write_text('key "rrkey" {\n  secret "c2VjcmV0IQ==";\n};\n')
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "key").write_text("rrkey:b3RoZXI=\n")
    assert secret(tmp_path, "rrkey:c2VjcmV0IQ==") == "rrkey:c2VjcmV0IQ=="
    assert secret(tmp_path, "env:KEY", {"KEY": "rrkey:abc"}) == "rrkey:abc"
    assert secret(tmp_path, "file:key").endswith('"c2VjcmV0IQ==";\n};')
    assert secret(tmp_path, "file:key", {"CREDENTIALS_DIRECTORY": str(credentials)}) == "rrkey:b3RoZXI="
    assert secret(tmp_path, f"file:{tmp_path}/key", {"CREDENTIALS_DIRECTORY": str(credentials)}).startswith(
        "key"
    )


@pytest.mark.parametrize(
    "source", ["env:EMPTY", "file:empty", "file:folder", "file:binary", "file:huge", "file:", "env:"]
)
def test_a_secret_that_cannot_be_read_never_becomes_an_empty_one(tmp_path, source):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"x" * 70_000)
    path = write(tmp_path, {**MINIMAL, "update_credentials": source})
    (sentence,) = problems(path, {"EMPTY": ""})
    assert sentence.startswith("update_credentials: ")


def test_a_secret_never_shows(tmp_path):
    keys = {
        "update_method": "rfc2136",
        "update_resolvers": ["192.0.2.53"],
        "update_credentials": "rrkey:c2VjcmV0IQ==",
        "headers": {"Authorization": "Bearer c2VjcmV0IQ=="},
        "builtin": {"tsig": "rrkey:c2VjcmV0IQ=="},
    }
    config = load_with(tmp_path, **keys)
    shown = repr(config) + str(config.effective_providers()) + repr(config.effective(config.services[0]))
    shown += repr(load_with(tmp_path, builtin=keys["builtin"]).effective_providers())
    assert "c2VjcmV0IQ" not in shown
    broken = problems(write(tmp_path, {**MINIMAL, **keys, "zzz": 1, "services": []}))
    assert "c2VjcmV0IQ" not in str(broken)


def test_one_wrong_value_does_not_breed_wrong_conclusions(tmp_path):
    config = {**MINIMAL, "nodes": ["127.0.0.1"], "probe_interval_ms": "x", "probe_timeout_ms": 60_000}
    assert problems(write(tmp_path, config)) == (
        'nodes[0]: "127.0.0.1" has no port, e.g. "127.0.0.1:3333"',
        'probe_interval_ms: must be a whole number, got "x"',
    )


def test_a_thousand_services_with_four_mistakes_each_are_told_apart(tmp_path):
    service = {**MINIMAL["services"][0], "zone": "example.org", "helthcheck": "", "rise": 0, "ttl": "5s"}
    services = [{**service, "fqdn": f"s{number}.example.test"} for number in range(1000)]
    started = time.monotonic()
    found = problems(write(tmp_path, {**MINIMAL, "services": services}))
    assert len(found) == 4000
    assert found[-1].startswith("services[999].")
    assert time.monotonic() - started < 10


def test_an_unreadable_file(tmp_path):
    assert problems(tmp_path / "none.json") == ("cannot be read: No such file or directory",)
    assert problems(tmp_path) == ("cannot be read: Is a directory",)


def test_a_header_may_come_from_the_environment_and_only_from_there(tmp_path):
    headers = {"Authorization": "env:TOKEN", "X-Other": "file:x"}
    config = load_with(tmp_path, {"TOKEN": "Bearer 1"}, headers=headers)
    assert config.headers == {"Authorization": "Bearer 1", "X-Other": "file:x"}
    (problem,) = problems(write(tmp_path, {**MINIMAL, "headers": headers}))
    assert problem == "headers.Authorization: the environment variable TOKEN is not set"


def test_comments_are_kept_beside_what_is_checked(tmp_path):
    whole = {"_why": "é \ud800", "$schema": "x.json", **MINIMAL}
    loaded = load_raw(write(tmp_path, whole), {"LOCAL_NODE": "127.0.0.1:3333"})
    assert loaded.raw["_why"].startswith("é")
    assert loaded.raw["$schema"] == "x.json"
    assert loaded.config == load(loaded.path, {})
    assert "Surroundings" not in repr(loaded)


def test_options_may_refer_to_variables_and_files_however_deep(tmp_path):
    (tmp_path / "token").write_text("from a file\n")
    options = {
        "vendor": "x",
        "auth_token": "file:token",
        "deep": [{"key": "env:KEY"}],
        "ratio": "1:2",
        "retries": 3,
    }
    written = {
        **MINIMAL,
        "update_options": options,
        "providers": {"a": {"update_method": "dynu", "update_credentials": "t", "options": options}},
    }
    path = tmp_path / "rrdnsd.json"
    path.write_text(json.dumps(written))
    config = load(path, {"KEY": "from a variable"})
    for found in (config.update_options, config.providers["a"].options):
        assert found["auth_token"].get_secret_value() == "from a file"
        assert found["deep"][0]["key"].get_secret_value() == "from a variable"
        assert (found["vendor"], found["ratio"], found["retries"]) == ("x", "1:2", 3)
    assert "from a" not in repr(config) + str(config.model_dump())
