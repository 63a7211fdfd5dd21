"""Mistakes in `notifiers`: where, what is wrong, what would be right, and never a URL."""

import json

import pytest

from rrdnsd.config import load, plugins
from rrdnsd.config.export import export
from rrdnsd.core.orders import Changes
from rrdnsd.errors import ConfigError

BASE = {
    "local_node": "127.0.0.1:3333",
    "nodes": ["127.0.0.1:3333"],
    "services": [
        {
            "fqdn": "www.example.com",
            "zone": "example.com",
            "healthcheck": "tcp://{}:1",
            "ipaddrs": ["192.0.2.1"],
        }
    ],
}
KINDS = (
    'notifiers[0].kinds[0]: must be "endpoint", "service", "fail-open", "dns", "guard", "quorum", "node" or'
    ' "certificate", got "endpoints"'
)
HOOK = {"type": "webhook", "url": "https://example.com/T0P-S3CRET"}


def loaded(folder, *notifiers, env=None):
    path = folder / "rrdnsd.json"
    path.write_text(json.dumps({**BASE, "notifiers": [*notifiers]}))
    return load(path, env or {})


def problems(folder, *notifiers):
    with pytest.raises(ConfigError) as caught:
        loaded(folder, *notifiers)
    assert "T0P" not in str(caught.value)
    return list(caught.value.problems)


def test_references_and_defaults(tmp_path):
    (tmp_path / "url").write_text("https://example.com/x\n")
    config = loaded(
        tmp_path,
        {"type": "webhook", "url": "file:url", "secret": "env:HOOK", "headers": {"X-Key": "env:HOOK"}},
        {"type": "script", "name": "pager", "command": ["/bin/page"], "services": ["*.Example.com"]},
        env={"HOOK": "0123456789abcdef"},
    )
    hook, pager = config.notifiers
    assert (hook.called, hook.url.get_secret_value(), hook.batch_ms) == (
        "webhook",
        "https://example.com/x",
        1500,
    )
    assert hook.headers == {"X-Key": "0123456789abcdef"}
    assert (pager.called, pager.services, pager.kinds) == ("pager", ("*.example.com",), ())
    assert "0123456789abcdef" not in repr(config)


@pytest.mark.parametrize(
    ("notifier", "sentence"),
    [
        ({"type": "webhok"}, 'notifiers[0].type: unknown type "webhok", did you mean "webhook"?'),
        (
            {"type": "webhook"},
            'notifiers[0].url: is required by "webhook": where to post, better "env:NAME" or "file:PATH"',
        ),
        (HOOK | {"url": "ftp://T0P"}, "notifiers[0].url: must be like https://example.com/path"),
        (
            HOOK | {"secret": "T0P"},
            "notifiers[0].secret: is shorter than 16 characters; try: openssl rand -base64 24",
        ),
        (
            HOOK | {"secret": "whsec_T0P-S3CRET!!"},
            'notifiers[0].secret: begins with "whsec_", and the rest of it is not base64',
        ),
        (HOOK | {"url": 5}, "notifiers[0].url: must be text"),
        (
            {"type": "script"},
            'notifiers[0].command: is required by "script": the program and its arguments, e.g. ["/usr/local/bin/tell"]',
        ),
        (
            {"type": "apprise"},
            'notifiers[0].url: is required by "apprise": one of its URLs, better "env:NAME" or "file:PATH"',
        ),
        (
            HOOK | {"kinds": ["endpoints"]},
            KINDS,
        ),
        (
            HOOK | {"severity": "warn"},
            'notifiers[0].severity: must be "info", "warning" or "critical", got "warn", did you mean "warning"?',
        ),
        (
            HOOK | {"services": ["www.*.com"]},
            'notifiers[0].services[0]: "www.*.com" must be a service\'s name, or "*." and the domain that it ends with',
        ),
        (HOOK | {"urls": []}, 'notifiers[0].urls: unknown key, did you mean "url"?'),
    ],
)
def test_mistakes(tmp_path, notifier, sentence):
    assert problems(tmp_path, notifier) == [sentence]


def test_names_are_told_apart(tmp_path):
    assert problems(tmp_path, HOOK, HOOK) == [
        'notifiers[1]: "webhook" is already the name of notifiers[0], give another "name"'
    ]


def test_all_mistakes_come_out_at_once(tmp_path):
    assert len(problems(tmp_path, {"type": "webhok"}, HOOK | {"batch_ms": 1}, {"type": "script"})) == 3


def test_a_missing_library_is_told_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "has_module", lambda _: False)
    assert problems(tmp_path, {"type": "apprise", "url": "json://T0P-S3CRET"}) == [
        "notifiers[0].type: \"apprise\" needs the library of that name: pip install 'rrdnsd[apprise]'"
    ]


def test_an_export_holds_no_secret():
    raw = {**BASE, "notifiers": [HOOK | {"secret": "T0P", "headers": {"Authorization": "T0P"}}]}
    exported, names = export(raw, Changes())
    assert "T0P" not in json.dumps(exported)
    assert len(names) == 3
