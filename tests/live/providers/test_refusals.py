"""Everything a server can say no to, as the sentence the operator reads; and none of it holds the secret."""

import time

import pytest

from rrdnsd.core.model import RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.keys import ALGORITHMS, parse_credentials
from rrdnsd.providers.rfc2136 import NativeSender
from rrdnsd.providers.server import connect as connect_server
from rrdnsd.providers.updater import Updater
from support.changes import change, named, plan, rrset, simple
from support.dns_servers import Key

ZONE = "example.test"
ONE = rrset("192.0.2.1")


async def refused(provider, name, zone=ZONE):
    """The sentence of a refused update, whether it is about this name or about everything."""
    try:
        return (await provider.apply(simple(zone, name, None, ONE))).refused[name]
    except ProviderError as error:
        return str(error)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_algorithm_is_let_in(connect, method, server, fresh_name, keys, algorithm):
    provider = await connect(method, server, keys[algorithm].credentials)
    www = fresh_name()
    assert (await provider.apply(simple(ZONE, www, None, ONE))).written == {www}
    assert (await provider.fetch(ZONE, [RRsetKey(www, "A")])).rrsets == {RRsetKey(www, "A"): ONE}


async def test_a_wrong_secret(connect, method, server, fresh_name, keys):
    key = Key(keys["hmac-sha256"].name)
    provider = await connect(method, server, key.credentials)
    sentence = await refused(provider, fresh_name())
    assert {
        "named": 'refuses the update of example.test (NOTAUTH, BADSIG): the secret of key "key-hmac-sha256" ',
        "knotd": 'refuses the update of example.test (NOTAUTH, BADSIG): the secret of key "key-hmac-sha256" ',
        "pdns": "from PowerDNS it can also mean a wrong key name, secret, algorithm or clock",
    }[server.kind] in sentence
    assert key.secret not in sentence


@pytest.mark.parametrize("wrong", ["name", "algorithm"])
async def test_a_key_the_server_does_not_know(connect, method, server, fresh_name, keys, wrong):
    right = keys["hmac-sha256"]
    key = (
        Key("nobody", secret=right.secret)
        if wrong == "name"
        else Key(right.name, "hmac-sha512", right.secret)
    )
    provider = await connect(method, server, key.credentials)
    sentence = await refused(provider, fresh_name())
    assert {
        "named": f'(NOTAUTH, BADKEY): it does not know key "{key.name}" ({key.algorithm}); check the name and the algo',
        "knotd": f'(NOTAUTH, BADKEY): it does not know key "{key.name}" ({key.algorithm}); check the name and the algo',
        "pdns": "from PowerDNS it can also mean a wrong key name, secret, algorithm or clock",
    }[server.kind] in sentence
    assert key.secret not in sentence


async def test_a_key_that_may_not_change_the_zone(connect, method, server, fresh_name, stranger):
    provider = await connect(method, server, stranger.credentials)
    sentence = await refused(provider, fresh_name())
    assert {
        "named": '(REFUSED): the zone does not let key "stranger" (hmac-sha256) change this (BIND: allow-update',
        "knotd": "(Knot answers so too when no acl with action update lets this key change this name in example.test)",
        "pdns": '(REFUSED): the zone does not let key "stranger" (hmac-sha256) change this',
    }[server.kind] in sentence


async def test_no_key_where_one_is_wanted(connect, method, server, fresh_name):
    provider = await connect(method, server, "")
    sentence = await refused(provider, fresh_name())
    assert {
        "named": "(REFUSED): the update was not signed and the server wants a key (set update_credentials)",
        "knotd": "(NOTAUTH): it is not the primary of example.test; check the service's zone and update_resolvers "
        "(Knot answers so too when no acl lets updates without a key in)",
        "pdns": "(REFUSED): the update was not signed and the server wants a key (set update_credentials)",
    }[server.kind] in sentence


async def test_a_zone_that_takes_no_updates(connect, method, closed_server, fresh_name):
    provider = await connect(method, closed_server, "")
    sentence = await refused(provider, fresh_name())
    assert ("(NOTAUTH)" if closed_server.kind == "knotd" else "(REFUSED)") in sentence
    assert "allow" in sentence or "acl" in sentence


@pytest.mark.parametrize("shift", [-400, 400])
async def test_a_clock_that_is_off(server, fresh_name, keys, shift):
    key = parse_credentials(keys["hmac-sha256"].credentials)
    resolver = Resolver(server.host, server.port)
    asked = connect_server(resolver, key, 5.0, clock=lambda: time.time() + shift)
    provider = Updater("shifted", asked, NativeSender(asked))
    side = "ahead of" if shift > 0 else "behind"
    try:
        sentence = await refused(provider, fresh_name())
        if server.kind == "pdns":
            assert "wrong key name, secret, algorithm or clock" in sentence
        else:
            seconds = [abs(shift) + off for off in (-1, 0, 1)]
            assert any(f"this machine's clock is {s} s {side} the server's" in sentence for s in seconds)
        with pytest.raises(ProviderError, match="clock"):
            await provider.fetch(ZONE, [RRsetKey(f"ns.{ZONE}", "A")])
    finally:
        await provider.close()


async def test_a_zone_the_server_does_not_serve(connect, method, server):
    provider = await connect(method, server)
    sentence = await refused(provider, "www.other.test", "other.test")
    if server.kind == "pdns":
        assert "a zone it does not serve" in sentence
    else:
        assert "refuses the update of other.test (NOTAUTH): it is not the primary of other.test" in sentence
    with pytest.raises(
        ProviderError, match=r"refuses queries for other\.test \(REFUSED\): it does not serve other\.test"
    ):
        await provider.fetch("other.test", [RRsetKey("www.other.test", "A")])


async def test_a_name_outside_the_zone_does_not_hold_back_the_others(connect, method, server, fresh_name):
    provider = await connect(method, server)
    www, outside = fresh_name(), "www.other.test"
    changes = [named(change(www, None, ONE)), named(change(outside, None, ONE))]
    applied = await provider.apply(plan(ZONE, changes))
    assert applied.written == {www}
    assert applied.refused == {
        outside: f"127.0.0.1:{server.port} refuses the update of example.test (NOTZONE): a name is not inside the zone; "
        "give the service the zone that holds its fqdn"
    }
    assert server.addresses(www) == ONE.addresses


async def test_reading_with_a_wrong_key_is_told_before_anything_is_written(connect, server, keys):
    provider = await connect("rfc2136", server, Key(keys["hmac-sha256"].name).credentials)
    with pytest.raises(ProviderError) as caught:
        await provider.fetch(ZONE, [RRsetKey(f"ns.{ZONE}", "A")])
    assert "secret" in str(caught.value)
