"""Which way to the daemon is chosen."""

from pathlib import Path

import pytest

from rrdnsd.cli.access import Access, choose_access, is_exposed
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.config.socketpath import socket_path

RUNTIME = {"RUNTIME_DIRECTORY": "/run/here:/run/there"}
URL = {"RRDNSD_URL": "https://10.0.0.1:3333", "RRDNSD_TOKEN": "abc"}


def test_options_go_before_the_environment_and_that_before_the_default():
    assert choose_access({}) == Access(socket="/run/rrdnsd/api.sock")
    assert choose_access(RUNTIME) == Access(socket="/run/here/api.sock")
    assert choose_access({**RUNTIME, **URL}) == Access(url=URL["RRDNSD_URL"], token="abc")
    assert choose_access({**URL, "RRDNSD_SOCKET": "/s"}) == Access(socket="/s")
    assert choose_access({**URL, "RRDNSD_SOCKET": "/s"}, url="http://a") == Access(
        url="http://a", token="abc"
    )
    assert choose_access(URL, socket=Path("/t")) == Access(socket="/t")


def test_the_daemon_is_looked_for_where_it_listens():
    assert str(socket_path(None, RUNTIME)) == choose_access(RUNTIME).socket


def test_the_token_is_not_shown(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    access = choose_access({}, url="http://a", token_file=tmp_path / "token")
    assert access.token == "secret"
    assert "secret" not in f"{access} {access!r}"


@pytest.mark.parametrize(
    "url", ["", "10.0.0.1:3333", "ftp://a", "http://", "http://a:99999", "http://[::1", "http://user:pw@a"]
)
def test_bad_urls(url):
    with pytest.raises(CommandError) as caught:
        choose_access({}, url=url or "nothing")
    assert caught.value.code is Exit.INVALID
    assert "pw" not in str(caught.value).partition("--token-file")[0].replace("password", "")


@pytest.mark.parametrize("content", [b"two words", b"\xff\xfe", b"a\nb", b"x" * 2000])
def test_bad_tokens(content, tmp_path):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(CommandError) as caught:
        choose_access({}, url="http://a", token_file=tmp_path / "token")
    assert caught.value.code is Exit.INVALID
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "exposed"),
    [("http://10.0.0.1:3333", True), ("https://10.0.0.1:3333", False), ("http://127.0.0.1:1", False),
     ("http://localhost:1", False), ("http://[::1]:1", False)],
)  # fmt: skip
def test_a_token_in_clear_text_is_noticed(url, exposed):
    assert is_exposed(Access(url=url, token="t")) is exposed
    assert not is_exposed(Access(url=url))
