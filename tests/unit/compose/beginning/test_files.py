"""What is written: its text, who may read it, and that it is there whole or not at all."""

import grp
import json
import os
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.compose.beginning import writing
from rrdnsd.compose.beginning.keyfile import new_key, server_side
from rrdnsd.compose.beginning.layout import Nodes, Watched, Where, configuration
from rrdnsd.compose.beginning.rendering import render
from rrdnsd.config import load
from rrdnsd.config.reading import without_comments
from rrdnsd.errors import ConfigError, StartupError
from rrdnsd.providers.keys import parse_credentials

WWW = Watched("www.example.org", "example.org", "https://{}/", ("192.0.2.1", "2001:db8::1"), 60)
API = Watched(
    "api.example.org", "example.org", "http://{}:8080/", ("192.0.2.2", "192.0.2.3"), 5, "look at it"
)
MORE = Watched("b.example.org", "example.org", "https://{}/", ("192.0.2.4", "192.0.2.5"), 60)
NODES = Nodes("127.0.0.1:3333")


def raw(credentials="", **more):
    where = Where("rfc2136", ("192.0.2.53:53",), credentials, **more)
    return configuration(where, NODES, [WWW, API, MORE], made_by="a test", shadow=True)


def test_the_ttl_of_most_stands_once():
    made = raw()
    assert made["ttl"] == 60
    assert [service.get("ttl") for service in made["services"]] == [None, 5, None]


@pytest.mark.parametrize("suffix", [".json", ".toml"])
def test_both_formats_say_the_same(tmp_path, suffix):
    path = tmp_path / f"made{suffix}"
    text = render(raw(), suffix)
    assert "look at it" in text
    writing.write_config(path, text, raw(), {}, replace=False)
    config = load(path, {})
    assert config.mode == "shadow"
    assert [(s.fqdn, s.healthcheck, config.effective(s).ttl) for s in config.services] == [
        (one.fqdn, one.healthcheck, one.ttl) for one in (WWW, API, MORE)
    ]


plain = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**60), 2**60) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab-. é\"'", min_size=1), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text('abc. "', min_size=1), plain, max_size=4))
def test_toml_is_read_as_it_was_meant(data):
    assert tomllib.loads(render(data, ".toml")) == data


def test_comments_of_toml_are_comments():
    assert tomllib.loads(render(raw(), ".toml")) == without_comments(raw())


def test_a_file_is_open_unless_a_secret_stands_in_it(tmp_path):
    (tmp_path / "key").write_text("rrkey:c2VjcmV0IQ==")
    for name, credentials, mode in (("a", "file:key", 0o644), ("b", "rrkey:c2VjcmV0IQ==", 0o640)):
        made = raw(credentials)
        writing.write_config(tmp_path / name, json.dumps(made), made, {}, replace=False)
        assert (tmp_path / name).stat().st_mode & 0o777 == mode


def test_what_is_there_is_kept_unless_it_shall_be_replaced(tmp_path):
    path = tmp_path / "made.json"
    path.write_text("old")
    path.chmod(0o604)
    with pytest.raises(StartupError, match="is there already"):
        writing.write_config(path, json.dumps(raw()), raw(), {}, replace=False)
    assert path.read_text() == "old"
    writing.write_config(path, json.dumps(raw()), raw(), {}, replace=True)
    assert json.loads(path.read_text()) == raw()
    assert path.stat().st_mode & 0o777 == 0o604
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_with_mistakes_never_gets_its_name(tmp_path):
    wrong = {**raw(), "tll": 5}
    with pytest.raises(ConfigError) as caught:
        writing.write_config(tmp_path / "made.json", json.dumps(wrong), wrong, {}, replace=False)
    assert str(caught.value).startswith(f"{tmp_path / 'made.json'}: tll: unknown key")
    assert [*tmp_path.iterdir()] == []


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "load", interrupt)
    with pytest.raises(KeyboardInterrupt):
        writing.write_config(tmp_path / "made.json", json.dumps(raw()), raw(), {}, replace=False)
    assert [*tmp_path.iterdir()] == []


def test_a_secret_is_for_its_owner_and_for_the_daemon_of_root(tmp_path, monkeypatch):
    writing.write_secret(tmp_path / "one", "secret")
    monkeypatch.setattr(writing, "GROUP", "no-such-group")
    writing.write_secret(tmp_path / "two", "secret")
    assert (tmp_path / "one").stat().st_mode & 0o037 == 0
    assert (tmp_path / "two").stat().st_mode & 0o777 == 0o600
    with pytest.raises(StartupError, match="is there already"):
        writing.write_secret(tmp_path / "two", "another")
    assert (tmp_path / "two").read_text() == "secret"


def test_the_daemons_group_may_read_what_root_wrote_and_nobody_else_gives_files_away(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "GROUP", "daemon")
    writing.write_secret(tmp_path / "key", "secret")
    made = (tmp_path / "key").stat()
    group, mode = (grp.getgrnam("daemon").gr_gid, 0o640) if os.geteuid() == 0 else (os.getegid(), 0o600)
    assert (made.st_mode & 0o777, made.st_gid) == (mode, group)


def test_a_new_key_is_read_by_rrdnsd_and_never_the_same():
    keys = [parse_credentials(new_key("rrkey")) for _ in range(2)]
    assert {(key.name, key.algorithm, len(key.secret)) for key in keys} == {("rrkey", "hmac-sha256", 32)}
    assert keys[0].secret != keys[1].secret


def test_what_the_server_is_told_holds_the_names():
    told = server_side("/etc/rrkey.key", "rrkey", "example.org", ["www.example.org", "example.org"])
    assert "grant rrkey name www.example.org. A AAAA;" in told
    assert "update-owner-name: [www.example.org., example.org.]" in told
