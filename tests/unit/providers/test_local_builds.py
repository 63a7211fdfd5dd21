"""What zonefile and script are configured with, and how a mistake is told."""

import pytest
from pydantic import SecretStr

from rrdnsd.errors import ConfigError
from rrdnsd.providers.base import ProviderSpec, Resolver, is_of_this_node
from rrdnsd.providers.registry import find_build

HERE = (Resolver("127.0.0.1", 5300),)
FILE = "/etc/nsd/zones/{zone}.zone"
ZONEFILE = {"server": "nsd", "file": FILE}
SCRIPT = {"command": ["/usr/local/bin/update-dns", "--fast"]}


def build(method, given, resolvers=HERE, credentials="", zones=("example.test",), name="default"):
    return find_build(method)(ProviderSpec(name, method, resolvers, credentials, zones=zones, options=given))


def problem(method, given, **more):
    with pytest.raises(ConfigError) as caught:
        build(method, given, **more)
    (sentence,) = caught.value.problems
    return sentence


def test_one_zonefile_that_is_this_nodes_own():
    (provider,) = build("zonefile", ZONEFILE)
    assert provider.label == "default 127.0.0.1:5300"
    assert is_of_this_node(provider)
    assert str(provider._options.path("a.test")) == "/etc/nsd/zones/a.test.zone"
    assert provider._options.control == "/run/nsd/nsd.ctl"
    (provider,) = build("zonefile", {**ZONEFILE, "server": "unbound"})
    assert provider._options.control == "/run/unbound.ctl"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"server": "bind"},
            'options.server: must be "nsd" or "unbound": the program that serves the file',
        ),
        ({"file": "zones/x"}, "options.file: must be the absolute path of the zone file, such as"),
        ({"file": "/z/{name}"}, "options.file: may hold {zone} and no other braces"),
        ({"control": "ctl"}, "options.control: must be the path of the control socket, or an address"),
        ({"control": 8952}, "options.control: must be the path of the control socket, or an address"),
        (
            {"check": "nsd-checkzone"},
            "options.check: must be a list of words: the absolute path of a program",
        ),
        ({"check": ["check", "{file}"]}, "options.check: must be a list of words: the absolute path"),
        ({"check": ["/bin/true"]}, 'options.check: must hold "{file}"'),
        ({"server_cert": "/x"}, "options.control: is a Unix socket, which has no certificates"),
        (
            {"control": "127.0.0.1:8952", "server_cert": "/x"},
            "options.control_key: must be a file: server_cert, control_key, control_cert belong together",
        ),
        (
            {"colour": "blue"},
            "options.colour: zonefile does not know this option; known: check, control, ",
        ),
    ],
)
def test_a_wrong_option_of_zonefile(given, sentence):
    assert problem("zonefile", {**ZONEFILE, **given}).startswith(sentence)


def test_zonefile_needs_one_address_and_no_credentials():
    one = "update_resolvers: must be the one address at which NSD itself is asked"
    for wrong in ((), (*HERE, Resolver("::1"))):
        assert problem("zonefile", ZONEFILE, resolvers=wrong, name="mine").startswith(one)
    assert problem("zonefile", ZONEFILE, credentials="x").startswith("update_credentials: has no meaning")


def test_several_zones_need_several_files():
    fixed = {**ZONEFILE, "file": "/etc/nsd/a.zone"}
    assert build("zonefile", fixed)
    assert "must hold {zone}, as there are 2 zones" in problem("zonefile", fixed, zones=("a.test", "b.test"))


def test_one_script_or_one_for_each_server():
    (provider,) = build("script", SCRIPT, resolvers=())
    assert provider.label == "default update-dns"
    assert not is_of_this_node(provider)
    both = build("script", {**SCRIPT, "local": True}, resolvers=(*HERE, Resolver("::1")))
    assert [one.label for one in both] == ["default 127.0.0.1:5300", "default [::1]:53"]
    assert all(map(is_of_this_node, both))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"command": "update-dns"}, "options.command: must be a list of words, the program first"),
        ({"command": []}, "options.command: must be a list of words, the program first"),
        (
            {"command": ["/x", SecretStr("hush")]},
            "options.command: must be a list of words, the program first",
        ),
        (
            {"command": ["update-dns"]},
            "options.command: must begin with the absolute path of a program",
        ),
        ({"local": "yes"}, "options.local: must be true or false"),
        ({"environment": ["A"]}, "options.environment: must be an object of names and texts"),
        (
            {"environment": {"a-b": "x"}},
            "options.environment.a-b: must be named with letters, digits and _",
        ),
        ({"environment": {"RRDNSD_ZONE": "x"}}, "options.environment.RRDNSD_ZONE: must be named with"),
        ({"environment": {"A": ["x"]}}, "options.environment.A: must be text"),
        ({"environment": {"A": "x\0"}}, "options.environment.A: holds a zero byte"),
        ({"colour": "blue"}, "options.colour: script does not know this option; known: command, "),
    ],
)
def test_a_wrong_option_of_script(given, sentence):
    assert problem("script", {**SCRIPT, **given}, resolvers=()).startswith(sentence)


def test_secrets_of_a_script_are_not_in_its_repr():
    (provider,) = build("script", {**SCRIPT, "environment": {"TOKEN": SecretStr("hush")}}, credentials="hush")
    assert "hush" not in repr(provider) + repr(provider._options)
