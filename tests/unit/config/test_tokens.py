from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.config.socketpath import USUAL_FOLDER, socket_path
from rrdnsd.config.tokens import is_hash, matches, new_token


def test_a_token_matches_its_own_hash_only():
    (token, hashed), (other, other_hash) = new_token(), new_token()
    assert is_hash(hashed)
    assert matches(token, hashed)
    assert not matches(token, other_hash)
    assert not matches(other, hashed)


def test_the_hash_does_not_tell_the_token():
    token, hashed = new_token()
    assert token.removeprefix("rrdnsd_") not in hashed
    assert not matches(hashed, hashed)


@given(st.text())
def test_any_text_is_refused_without_an_error(text):
    _, hashed = new_token()
    assert not matches(text, hashed)
    assert not matches(new_token()[0], text)


def test_a_weak_password_matches_nothing_even_with_a_hash_made_for_it():
    import hashlib  # noqa: PLC0415 -- only here

    salt = "00" * 16
    digest = hashlib.sha256(bytes.fromhex(salt) + b"letmein").hexdigest()
    assert not matches("letmein", f"sha256:{salt}:{digest}")


def test_where_the_socket_is(tmp_path):
    assert str(socket_path("/a/b.sock", {})) == "/a/b.sock"
    assert socket_path("", {"RUNTIME_DIRECTORY": "/run/x"}) is None
    assert str(socket_path(None, {"RUNTIME_DIRECTORY": "/run/x:/run/y"})) == "/run/x/api.sock"
    assert socket_path(None, {}) in {None, USUAL_FOLDER / "api.sock"}
