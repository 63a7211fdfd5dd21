"""Host:port pairs and domain names, as operators write them."""

import pytest

from rrdnsd.config import host_port, join_host_port
from rrdnsd.config.addresses import endpoint_address, network
from rrdnsd.config.names import domain_name, is_within


@pytest.mark.parametrize(
    ("text", "default", "pair"),
    [
        ("192.0.2.1:53", None, ("192.0.2.1", 53)),
        ("192.0.2.1", 53, ("192.0.2.1", 53)),
        ("[2001:DB8::0001]:3333", None, ("2001:db8::1", 3333)),
        ("[2001:db8::1]", 53, ("2001:db8::1", 53)),
        ("2001:db8::1", 53, ("2001:db8::1", 53)),
        ("NS1.Example.org.:5300", None, ("ns1.example.org", 5300)),
        ("localhost", 53, ("localhost", 53)),
    ],
)
def test_host_and_port(text, default, pair):
    assert host_port(text, default) == pair
    assert host_port(join_host_port(*pair)) == pair


@pytest.mark.parametrize(
    "text",
    ["", ":53", "host:", "host:0", "host:99999", "host:5 3", "[::1", "[::1]53", "::1:x", "1.2.3:53", "a@53"],
)
def test_malformed_pairs(text):
    with pytest.raises(ValueError, match=r"\S"):
        host_port(text, 53)


@pytest.mark.parametrize("text", ["192.0.2.1", "2001:db8::1", "127.0.0.1", "::1", "10.0.0.1", "fd00::1"])
def test_addresses_that_can_be_published(text):
    assert endpoint_address(text) == text


def test_networks():
    assert network("192.0.2.0/24") == "192.0.2.0/24"
    assert network("2001:DB8::1") == "2001:db8::1"


@pytest.mark.parametrize(
    "name", ["test", "_dmarc.example.test", "a-b.c", "xn--bcher-kva.test", "1.example", "a" * 63]
)
def test_domain_names(name):
    assert domain_name(f"{name.upper()}.") == name


def test_a_zone_holds_its_apex_and_what_is_below():
    assert is_within("example.test", "example.test")
    assert is_within("a.b.example.test", "example.test")
    assert not is_within("badexample.test", "example.test")
