import base64

import dns.name
import pytest

from rrdnsd.errors import ConfigError
from rrdnsd.providers.keys import ALGORITHMS, TsigKey, parse_credentials

SECRET = "K676eMPS5/iDeDoCPYBbUR2cYwbPPdx9laFedAa4uEc="
RAW = base64.b64decode(SECRET)
KEY = TsigKey("rrkey", "hmac-sha256", RAW)

BIND = f"""
key "rrkey" {{
        algorithm hmac-sha256;
        secret "{SECRET}";
}};
"""
BIND_WITH_COMMENTS = f"""
# made by tsig-keygen
// on ns1
/* do not
   share }} */
key rrkey {{ secret {SECRET}; algorithm "hmac-sha256"; }};
"""
KEYMGR = f"""# hmac-sha256:rrkey:{SECRET}
key:
  - id: rrkey
    algorithm: hmac-sha256
    secret: {SECRET}
"""


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_means_unsigned(text):
    assert parse_credentials(text) is None


@pytest.mark.parametrize(
    "text",
    [
        f"rrkey:{SECRET}",
        f"hmac-sha256:rrkey:{SECRET}",
        f"HMAC-SHA256:rrkey.:{SECRET}\n",
        f"# the line Knot's tools read with -k\nhmac-sha256:rrkey:{SECRET}\n",
        BIND,
        BIND_WITH_COMMENTS,
        BIND.replace("\n", " "),
        KEYMGR,
        KEYMGR.replace("id: rrkey", 'id: "rrkey."').replace("    algorithm: hmac-sha256\n", ""),
    ],
)
def test_every_form_gives_the_same_key(text):
    assert parse_credentials(text) == KEY


def test_a_secret_with_slashes_in_a_bind_file_is_no_comment():
    secret = base64.b64encode(b"\xff" * 33).decode()
    assert secret.startswith("//")
    parsed = parse_credentials(f'key "k" {{ algorithm hmac-sha1; secret "{secret}"; }};')
    assert parsed == TsigKey("k", "hmac-sha1", b"\xff" * 33)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_all_usual_algorithms_reach_dnspython(algorithm):
    key = parse_credentials(f"{algorithm}:rrkey:{SECRET}")
    assert key is not None
    assert key.algorithm == algorithm
    assert key.base64 == SECRET
    given = key.for_dnspython()
    assert (given.name, given.secret) == (dns.name.from_text("rrkey"), RAW)
    assert str(given.algorithm).lower().startswith(algorithm)


def test_md5_has_a_long_name_too():
    key = parse_credentials(f"HMAC-MD5.SIG-ALG.REG.INT:k:{SECRET}")
    assert key is not None
    assert key.algorithm == "hmac-md5"


FORMS = "[algorithm:]name:secret, a BIND key file or a Knot key file"
NAME = "the name of the TSIG key is not a domain name of letters, digits, dots, - and _"
BASE64 = "the secret of the TSIG key is not base64 as tsig-keygen or keymgr -t print it"
KNOWN = "known are hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SECRET, f"must be {FORMS}"),
        (f"a:b:c:{SECRET}", f"must be {FORMS}"),
        (f"rrkey:{SECRET}\nother:{SECRET}", f"must be {FORMS}"),
        (f":{SECRET}", "the name of the TSIG key is empty; write [algorithm:]name:secret"),
        (f"hmac-sha256::{SECRET}", "the name of the TSIG key is empty; write [algorithm:]name:secret"),
        (f":n:{SECRET}", "the algorithm before the first colon is empty; write name:secret for hmac-sha256"),
        (f"a..b:{SECRET}", NAME),
        (f"rr key:{SECRET}", NAME),
        (f"{'x' * 64}:{SECRET}", NAME),
        (f"{SECRET}:rrkey", NAME),
        (f"hmac-sha257:rrkey:{SECRET}", f'unknown TSIG algorithm "hmac-sha257"; {KNOWN}'),
        (f"{SECRET}:rrkey:hmac-sha256", f"unknown TSIG algorithm; {KNOWN}"),
        ("rrkey:", BASE64),
        (f"rrkey:{SECRET[:-1]}", BASE64),
        (f"rrkey:{SECRET}!", BASE64),
        (
            "options { directory x; };",
            'the key file has no `key "name" { algorithm ...; secret "..."; };` block',
        ),
        ('key "rrkey" { algorithm hmac-sha256; };', "the key block has no secret"),
        (BIND + BIND, "the key file holds 2 keys; give a file with only the one to sign with"),
        (KEYMGR + KEYMGR, "the key file holds 2 keys; give a file with only the one to sign with"),
        (
            f"key:\n - secret: {SECRET}",
            "the Knot key file needs an id and a secret, as `keymgr -t NAME` prints them",
        ),
    ],
)
def test_mistakes_are_told_without_the_secret(text, sentence):
    with pytest.raises(ConfigError) as caught:
        parse_credentials(text, "providers.b.update_credentials")
    assert caught.value.problems == (f"providers.b.update_credentials: {sentence}",)
    assert SECRET[:-1] not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_secret_is_not_in_the_repr():
    assert SECRET not in repr(KEY)
    assert "secret" not in repr(KEY)
