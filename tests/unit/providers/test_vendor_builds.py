"""What dynu, digitalocean, powerdns and lexicon are configured with, and how a mistake is told."""

import sys

import pytest
from pydantic import SecretStr

from rrdnsd.errors import ConfigError
from rrdnsd.providers.base import ProviderSpec, Resolver
from rrdnsd.providers.registry import find_build

SECRET = "0123456789abcdefsecret"


def build(method, credentials=SECRET, name="default", resolvers=(), **options):
    return find_build(method)(ProviderSpec(name, method, resolvers, credentials, options=options))


def problem(method, *args, **more):
    with pytest.raises(ConfigError) as caught:
        build(method, *args, **more)
    (sentence,) = caught.value.problems
    assert SECRET not in sentence
    return sentence


NEEDED = {
    "dynu": {},
    "digitalocean": {},
    "powerdns": {"url": "http://192.0.2.1:8081"},
    "lexicon": {"vendor": "cloudflare"},
}
LABELS = {
    "dynu": "default api.dynu.com",
    "digitalocean": "default api.digitalocean.com",
    "powerdns": "default 192.0.2.1:8081",
    "lexicon": "default cloudflare",
}


@pytest.mark.parametrize("method", NEEDED)
def test_one_provider_whose_label_and_repr_hold_no_secret(method):
    (provider,) = build(method, **NEEDED[method])
    assert provider.label == LABELS[method]
    api = getattr(provider, "_api", None) or provider._account
    assert SECRET not in repr(provider) + repr(api) + repr(getattr(api, "access", ""))


@pytest.mark.parametrize("method", NEEDED)
def test_resolvers_have_no_meaning(method):
    sentence = problem(method, resolvers=(Resolver("192.0.2.1"),), **NEEDED[method])
    assert sentence == f"update_resolvers: has no meaning for {method}, which asks an HTTP API"


@pytest.mark.parametrize("method", NEEDED)
def test_an_option_that_does_not_exist(method):
    sentence = problem(method, name="mine", **NEEDED[method], colour="blue")
    assert sentence.startswith("options.colour: ")
    assert "does not know this option" in sentence
    assert "blue" not in sentence


@pytest.mark.parametrize("method", ["dynu", "digitalocean", "powerdns"])
def test_a_token_is_required_and_must_fit_in_a_header(method):
    assert problem(method, "", **NEEDED[method]).startswith(f"update_credentials: is required by {method}: ")
    for wrong in (f"{SECRET}\r\nHost: evil", f"{SECRET} {SECRET}", f"{SECRET}\xe9"):
        assert "holds a character that is part of no token" in problem(method, wrong, **NEEDED[method])


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", 5, [], "https://u:p@host", "https://host/?a=b", "https://[::1"]
)
def test_a_url_that_is_none(url):
    assert problem("powerdns", url=url).startswith("options.url: must be ")


def test_a_token_is_not_sent_in_the_clear_to_a_vendor():
    assert "must be https://" in problem("digitalocean", url="http://proxy.example.test/v2")
    assert build("digitalocean", url="http://127.0.0.1:1/v2")
    assert build("digitalocean", url="https://proxy.example.test/v2")


def test_powerdns_needs_its_url_and_takes_several():
    assert problem("powerdns").startswith("options.url: is required by powerdns")
    made = build("powerdns", url=["http://192.0.2.1:8081", "https://[2001:db8::1]/api/v1"])
    assert [provider.label for provider in made] == ["default 192.0.2.1:8081", "default [2001:db8::1]"]
    urls = [provider._api.access.url for provider in made]
    assert urls == [
        "http://192.0.2.1:8081/api/v1/servers/localhost",
        "https://[2001:db8::1]/api/v1/servers/localhost",
    ]


def test_a_ca_file_that_is_none(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        sentence = problem("powerdns", url="https://192.0.2.1", ca_file=str(path))
        assert sentence.startswith("options.ca_file: cannot be used: ")


def test_lexicon_is_not_installed(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "lexicon"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lexicon", None)
    assert problem("lexicon", vendor="cloudflare") == (
        "update_method: lexicon needs the library dns-lexicon: pip install 'rrdnsd[lexicon]'"
    )


def test_lexicon_needs_a_vendor_it_has():
    assert problem("lexicon").startswith("options.vendor: is required by lexicon")
    assert "dns-lexicon has no such vendor; it has aliyun, " in problem("lexicon", vendor="nobody")


def test_a_vendor_of_lexicon_that_needs_one_more_library(monkeypatch):
    from lexicon._private import discovery  # noqa: PLC0415 -- optional, and slow to load

    monkeypatch.setattr(discovery, "find_providers", lambda: {"route53": False})
    sentence = problem("lexicon", vendor="route53")
    assert sentence == "options.vendor: needs one more library: pip install 'dns-lexicon[route53]'"


def test_the_credentials_are_the_vendors_token_and_options_may_be_secrets():
    (provider,) = build(
        "lexicon", vendor="cloudflare", auth_username="me@example.test", zone_id=SecretStr("z1")
    )
    account = provider._account
    interface, vendor, settings = account._enter.args
    assert (interface.__module__.rpartition(".")[2], vendor) == ("cloudflare", "cloudflare")
    assert settings == {"auth_username": "me@example.test", "zone_id": "z1", "auth_token": SECRET}
    assert SECRET in account._secrets


def test_a_vendor_with_one_option_takes_the_credentials_as_that():
    (provider,) = build("lexicon", vendor="ionos")
    assert provider._account._enter.args[2] == {"api_key": SECRET}


def test_a_vendor_without_a_single_token():
    sentence = problem("lexicon", vendor="godaddy")
    assert sentence == (
        "update_credentials: godaddy takes no single token; give these options instead: auth_key, auth_secret"
    )
    (provider,) = build(
        "lexicon", "", vendor="godaddy", auth_key=SecretStr("k"), auth_secret=SecretStr(SECRET)
    )
    assert provider._account._secrets == {"k", SECRET}


def test_an_option_of_lexicon_that_is_no_text():
    assert problem("lexicon", vendor="cloudflare", zone_id=["x"]) == "options.zone_id: must be text"
