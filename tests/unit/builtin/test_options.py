"""The options: defaults, and one sentence for each mistake."""

import ipaddress

import pytest
from pydantic import SecretStr

from rrdnsd.config.schema import BuiltinConfig
from rrdnsd.errors import ConfigError
from rrdnsd.providers.base import ProviderSpec, Resolver
from rrdnsd.providers.builtin import build
from rrdnsd.providers.builtin.options import read_options
from rrdnsd.providers.builtin.zone import Settings


def networks(*texts):
    return tuple(map(ipaddress.ip_network, texts))


def test_defaults():
    options = read_options({})
    assert options.listen == (Resolver("127.0.0.1", 5300),)
    assert options.notify == ()
    assert options.allow_transfer == networks("127.0.0.0/8", "::1")
    assert options.key is None
    assert options.settings == Settings(addresses=("127.0.0.1",))


def test_everything_given():
    options = read_options(
        {
            "listen": ["0.0.0.0:53", "[2001:db8::53]:53", "192.0.2.53"],
            "ns": ["NS1.example.net.", "ns2.example.net"],
            "hostmaster": "dns.admin@example.net",
            "notify": ["192.0.2.1", "[2001:db8::1]:5353"],
            "tsig": SecretStr("hmac-sha512:rrkey:c2VjcmV0"),
            "refresh": 1,
            "retry": 2,
            "expire": 3,
            "negative_ttl": 4,
        }
    )
    assert options.listen == (
        Resolver("0.0.0.0", 53),
        Resolver("2001:db8::53", 53),
        Resolver("192.0.2.53", 53),
    )
    assert options.notify == (Resolver("192.0.2.1", 53), Resolver("2001:db8::1", 5353))
    assert options.allow_transfer == networks("127.0.0.0/8", "::1", "192.0.2.1", "2001:db8::1")
    assert (options.key.name, options.key.algorithm) == ("rrkey", "hmac-sha512")
    assert options.settings == Settings(
        ns=("ns1.example.net", "ns2.example.net"),
        hostmaster="dns\\.admin.example.net",
        refresh=1,
        retry=2,
        expire=3,
        negative_ttl=4,
        addresses=("192.0.2.53", "2001:db8::53"),
    )
    assert "c2VjcmV0" not in repr(options)


def test_who_may_transfer_replaces_the_default():
    options = read_options({"notify": ["192.0.2.1"], "allow_transfer": ["198.51.100.0/24"]})
    assert options.allow_transfer == networks("198.51.100.0/24")


def test_the_defaults_here_are_those_of_the_schema():
    config, settings = BuiltinConfig(), Settings()
    for name in ("ns", "hostmaster", "refresh", "retry", "expire", "negative_ttl"):
        assert getattr(config, name) == getattr(settings, name)


@pytest.mark.parametrize(
    ("options", "sentences"),
    [
        (
            {"notify": ["192.0.2.1", "sec.example.net"]},
            ['builtin.notify[1]: "sec.example.net" names a host, its IP address is needed here'],
        ),
        (
            {"tsig": "rrkey"},
            ["builtin.tsig: must be [algorithm:]name:secret, a BIND key file or a Knot key file"],
        ),
        ({"allow_transfer": ["10.0.0.1/8"]}, None),
        ({"refresh": 0}, None),
        ({"notifies": []}, None),
    ],
)
def test_mistakes(options, sentences):
    with pytest.raises(ConfigError) as caught:
        read_options(options)
    if sentences:
        assert list(caught.value.problems) == sentences
    assert all(problem.startswith("builtin.") for problem in caught.value.problems)


def test_the_entry_point_makes_one_provider_that_does_not_listen_yet():
    spec = ProviderSpec("default", "builtin", zones=("example.test",), names=("www.example.test",))
    (provider,) = build(spec)
    assert provider.label == "default builtin"
    assert provider.edition("example.test").serial == 0
