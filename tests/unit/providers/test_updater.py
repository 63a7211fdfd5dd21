import pytest

from rrdnsd.errors import ConfigError
from rrdnsd.providers import knsupdate, nsupdate, rfc2136
from rrdnsd.providers.base import ProviderSpec, Resolver

METHODS = {"knsupdate": knsupdate.build, "nsupdate": nsupdate.build, "rfc2136": rfc2136.build}
BASE64 = "the secret of the TSIG key is not base64 as tsig-keygen or keymgr -t print it"
HERE = Resolver("127.0.0.1", 5454)


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def build(method, name="default", **more):
    return METHODS[method](ProviderSpec(name, method, **more))


def test_one_provider_for_each_resolver(method):
    providers = build(method, resolvers=(HERE, Resolver("2001:db8::1")), credentials="rrkey:c2VjcmV0")
    assert [provider.label for provider in providers] == [
        "default 127.0.0.1:5454",
        "default [2001:db8::1]:53",
    ]


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        (
            "default",
            {"resolvers": ()},
            'update_resolvers: {} needs at least one server, such as "192.0.2.1:53"',
        ),
        ("b", {"options": {"view": "x"}}, "options.view: {} has no options"),
        (
            "b",
            {"credentials": "a:!"},
            "update_credentials: " + BASE64,
        ),
    ],
)
def test_a_mistake_is_told_with_its_path(method, name, given, problem):
    with pytest.raises(ConfigError) as caught:
        build(method, name, **{"resolvers": (HERE,), **given})
    assert caught.value.problems == (problem.format(method),)
