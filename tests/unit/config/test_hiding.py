"""No secret of a configuration leaves it: whatever the secrets are, and wherever one may stand."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from rrdnsd.config import load
from rrdnsd.config.conversation import is_harmless, secret_words, without
from rrdnsd.config.export import export
from rrdnsd.config.hiding import masked
from rrdnsd.config.loader import load_raw
from rrdnsd.config.schema import Config
from rrdnsd.config.text import HIDDEN
from rrdnsd.core.orders import Changes

SHOWN = frozenset({"api.tokens[].hash"})
"""Not printed, but no secret: a salted hash of a long random token, which must be given back as it is."""


def configuration(secret):
    """Every key that may hold a secret, with one; `secret` makes a new one at each call."""
    service = {"zone": "example.test", "ipaddrs": ["192.0.2.1"]}
    options = {
        "auth_token": secret(),
        "nested": [{"password": secret()}],
        "tokens": [secret(), secret()],
        "server": f"https://user:{secret()}@192.0.2.9/",
        "hook": f"https://192.0.2.9/?api_key={secret()}",
    }
    return {
        "_cluster_secret": secret(),
        "_old": {"update_credentials": secret(), "headers": {"X-Key": secret()}},
        "local_node": "127.0.0.1:3333",
        "nodes": ["127.0.0.1:3333"],
        "cluster_secret": secret(),
        "headers": {"Authorization": secret(), "X-Custom": f"Bearer {secret()}", "Accept": "*/*"},
        "update_method": "script",
        "update_credentials": secret(),
        "update_options": {**options, "command": ["/bin/true"]},
        "providers": {
            "other": {"update_method": "script", "update_credentials": secret(), "options": options},
        },
        "builtin": {"tsig": f"hmac-sha256:key:{secret()}"},
        "services": [
            {
                **service,
                "fqdn": "mail.example.test",
                "healthcheck": "tcp://{}:25",
                "query_response": [
                    {"expect": "^220", "send": "EHLO probe.example.test\r\n"},
                    {"send": f"AUTH PLAIN {secret()}\r\n"},
                    {"send": f"{secret()}\r\n"},
                    {"send": "QUIT\r\n"},
                ],
                "probe_options": options,
            },
            {
                **service,
                "fqdn": "push.example.test",
                "healthcheck": "heartbeat://{}",
                "heartbeat_secret": secret(),
            },
            {
                **service,
                "fqdn": "www.example.test",
                "healthcheck": "http://{}/",
                "headers": {"Cookie": f"session={secret()}"},
                "_headers": {"X-Api-Key": secret()},
            },
        ],
        "notifiers": [
            {
                "type": "webhook",
                "url": f"https://hooks.example.test/{secret()}",
                "secret": secret(),
                "headers": {"X-Channel": secret()},
                "options": options,
            }
        ],
    }


def numbered():
    """Secrets that can be told apart, and a list of those that were made."""
    made = []

    def secret():
        made.append(f"s3cret-{len(made):03}-0123456789")
        return made[-1]

    return secret, made


def schema_places(model=Config, at=""):
    """The places of all fields of the schema that are not printed."""
    for name, field in model.model_fields.items():
        place = f"{at}.{name}" if at else name
        models = {kind for kind in _parts(field.annotation) if issubclass(kind, BaseModel)}
        for inner in models:
            listed = (
                "[]"
                if "tuple" in str(field.annotation)
                else ".*"
                if "Mapping" in str(field.annotation)
                else ""
            )
            yield from schema_places(inner, place + listed)
        if SecretStr in _parts(field.annotation) or not field.repr:
            yield place


def _parts(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _parts(part)


def holds(value, place):
    """Whether a configuration has something at a place of the schema."""
    head, _, rest = place.partition(".")
    if head.endswith("[]"):
        return any(holds(item, rest) for item in value.get(head[:-2], ()))
    if rest.startswith("*."):
        return any(holds(item, rest[2:]) for item in value.get(head, {}).values())
    return head in value and (not rest or holds(value[head], rest))


def test_the_configuration_of_these_tests_has_every_secret_that_the_schema_knows():
    whole = configuration(numbered()[0])
    places = set(schema_places())
    assert {"cluster_secret", "services[].heartbeat_secret", "notifiers[].url", "builtin.tsig"} <= places
    assert [place for place in places - SHOWN if not holds(whole, place)] == []


def test_no_secret_is_exported_and_only_secrets_are_missing():
    secret, made = numbered()
    whole = configuration(secret)
    exported, names = export(whole, Changes())
    text = json.dumps(exported)
    assert [one for one in made if one in text] == []
    assert exported["_cluster_secret"] == HIDDEN
    steps = [step["send"] for step in exported["services"][0]["query_response"]]
    assert (steps[0], steps[3]) == ("EHLO probe.example.test\r\n", "QUIT\r\n")
    assert exported["headers"]["Accept"] == "*/*"
    assert (
        exported["services"][1]["heartbeat_secret"]
        == "env:RRDNSD_SERVICES_PUSH_EXAMPLE_TEST_HEARTBEAT_SECRET"
    )
    assert len(names) == len(set(names))


LETTERS = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=':/?@&="\\')
SECRETS = st.lists(
    # The beginning sets them apart from words that stand in any configuration.
    st.text(LETTERS, min_size=12, max_size=40).map("Zq%!".__add__),
    min_size=45,
    max_size=45,
    unique=True,
)


@settings(max_examples=25, deadline=None)
@given(SECRETS)
def test_whatever_the_secrets_are_none_is_shown_and_the_export_means_the_same(tmp_path_factory, secrets):
    left = iter(secrets)
    given_ = configuration(lambda: next(left))
    used = secrets[: secrets.index(next(left))]
    for each in (given_["services"][0], given_):
        each.pop("probe_options", None)
    for kind in ("update_options", "providers"):  # what the provider does not know
        given_.pop(kind)
    given_ |= {"update_method": "rfc2136", "update_resolvers": ["192.0.2.53"]}
    given_["update_credentials"] = f"hmac-sha256:key:{given_['update_credentials'].encode().hex()}"
    given_["builtin"]["tsig"] = given_["update_credentials"]
    given_["notifiers"][0].pop("options")
    folder = tmp_path_factory.mktemp("hiding")
    path, again = folder / "rrdnsd.json", folder / "again.json"
    path.write_text(json.dumps(given_))
    loaded = load_raw(path, {})
    exported, names = export(loaded.raw, Changes())
    text = json.dumps(exported)
    shown = [*map(str, (loaded.config, masked(given_))), repr(loaded), text]
    assert [one for one in used for where in shown if one in where] == []
    again.write_text(text)
    assert load(again, dict(zip(names, _hidden_in(loaded.raw, exported), strict=True))) == loaded.config


def _hidden_in(before, after):
    """The texts that were replaced by references, in the order of the file."""
    if isinstance(before, dict):
        return [text for key in before for text in _hidden_in(before[key], after[key])]
    if isinstance(before, list):
        return [text for one, other in zip(before, after, strict=True) for text in _hidden_in(one, other)]
    is_same = before == after
    return [] if is_same or after == HIDDEN else [before]


@pytest.mark.parametrize(
    "value",
    [
        {"headers": {"Authorization": "env:TOKEN"}},
        {"notifiers": [{"url": "file:hook"}]},
        {"services": [{"query_response": [{"send": "env:AUTH"}, {"send": "a1 CAPABILITY\r\n"}]}]},
        {"headers": {"Accept": "text/html"}, "update_options": {"zone_id": "abc", "retries": 3}},
        {"healthcheck": "https://{}/health", "ttl": 60, "why": None},
    ],
)
def test_what_is_no_secret_is_left_alone(value):
    assert masked(value) == value


@pytest.mark.parametrize(
    "value",
    [
        {"headers": {"X-Token": "file:this is sent as it is"}},
        {"query_response": [{"send": "file:this as well"}]},
        {"query_response": [{"send": "EHLO x\r\nAUTH PLAIN abc\r\n"}]},
    ],
)
def test_what_only_looks_like_a_reference_or_a_command_is_hidden(value):
    assert HIDDEN in json.dumps(masked(value))
    assert "this" not in json.dumps(masked(value))
    assert "AUTH" not in json.dumps(masked(value))


def test_an_audit_row_keeps_its_shape():
    row = {"orders": {"service|x.test": {"fqdn": "x.test", "heartbeat_secret": "0123456789abcdef", "ttl": 5}}}
    hidden = {"fqdn": "x.test", "heartbeat_secret": HIDDEN, "ttl": 5}
    assert masked(row) == {"orders": {"service|x.test": hidden}}


@pytest.mark.parametrize(
    ("sent", "harmless"),
    [
        ("EHLO probe.example.test\r\n", True),
        ("EHLO [192.0.2.1]\r\n", True),
        ("a1 LOGOUT\r\n", True),
        ("ping\n", True),
        ("AUTH x\r\n", False),
        ("PING\r\nAUTH x\r\n", False),
        ("EHLO user:pass@x y\r\n", False),
        ("dXNlcg==\r\n", False),
    ],
)
def test_what_of_a_conversation_is_harmless(sent, harmless):
    assert is_harmless(sent) is harmless


def test_what_an_endpoint_repeats_of_a_conversation_is_hidden():
    words = secret_words(["EHLO probe.example.test\r\n", "AUTH PLAIN s3cret s3cret-and-more\r\n"])
    answer = "250 probe.example.test; 500 no such command: s3cret-and-more after s3cret"
    assert without(words, answer) == f"250 probe.example.test; 500 no such command: {HIDDEN} after {HIDDEN}"
