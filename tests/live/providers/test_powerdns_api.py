"""PowerDNS's HTTP API on a real pdns_server: what the contract suite (test_write.py) does not ask for."""

import asyncio
import logging
import sqlite3

import pytest

from rrdnsd.core.model import RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers import powerdns
from rrdnsd.providers.base import ProviderSpec
from support.changes import change, named, plan, rrset, simple
from support.dns_servers import Setup, start_pdns, zone
from support.ports import free_port

ZONE, WWW = "example.test", "www.example.test"
A = RRsetKey(WWW, "A")
KEY = "geheim-0123456789"
ONE, TWO, THREE = rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2"), rrset("192.0.2.3")


@pytest.fixture
def server(tmp_path):
    records = ["alias IN CNAME ns", "sub IN NS ns.else.test.", "www IN TXT other"]
    made = start_pdns(tmp_path, Setup({ZONE: zone(ZONE, *records)}, api_key=KEY))
    yield made
    made.stop()


@pytest.fixture
async def provider(server):
    (made,) = build(server.api)
    yield made
    await made.close()


def build(url, key=KEY, **more):
    return powerdns.build(ProviderSpec("default", "powerdns", (), key, options={"url": url, **more}))


def sql(server, command, *values):
    """As an operator would by hand, behind the server's back."""
    with sqlite3.connect(server.folder / "pdns.sqlite3") as database:
        database.execute(command, values)
    database.close()


async def test_names_that_cannot_be_managed(provider):
    alias, below = f"alias.{ZONE}", f"a.sub.{ZONE}"
    view = await provider.fetch(ZONE, [RRsetKey(alias, "A"), RRsetKey(below, "A"), A])
    assert view.rrsets == {}
    assert view.problems[alias].startswith(f"{alias} has a CNAME record at 127.0.0.1:")
    assert view.problems[below].startswith(f"{below} is delegated: ")
    assert (await provider.apply(simple(ZONE, alias, None, ONE))).stale == {alias}


async def test_one_name_the_server_refuses_does_not_hold_back_the_others(provider, server):
    names = [f"n{i}.{ZONE}" for i in range(8)]
    changes = [named(change(name, None, ONE)) for name in names]
    changes[3] = named(change("www.else.test", None, ONE))
    applied = await provider.apply(plan(ZONE, changes))
    assert applied.refused.keys() == {"www.else.test"}
    assert "refuses it (HTTP status 422: " in applied.refused["www.else.test"]
    assert "out of zone" in applied.refused["www.else.test"]
    assert applied.written == {*names} - {names[3]}
    assert server.addresses(names[0]) == ONE.addresses


async def test_disabled_records_and_other_types_stay(provider, server):
    await provider.apply(simple(ZONE, WWW, None, TWO))
    sql(server, "UPDATE records SET disabled=1 WHERE content='192.0.2.2'")
    assert (await provider.fetch(ZONE, [A])).rrsets == {A: ONE}
    await provider.apply(simple(ZONE, WWW, ONE, THREE))
    rows = sqlite3.connect(server.folder / "pdns.sqlite3")
    held = set(rows.execute("SELECT type, content, disabled FROM records WHERE name=?", (WWW,)))
    rows.close()
    assert held == {("A", "192.0.2.2", 1), ("A", "192.0.2.3", 0), ("TXT", "other", 0)}
    await provider.apply(simple(ZONE, WWW, THREE, None))
    assert server.addresses(WWW) == set()
    assert (await provider.fetch(ZONE, [A])).rrsets == {}


async def test_never_empty_under_a_poller(provider, server):
    await provider.apply(simple(ZONE, WWW, None, ONE))
    seen, done = [], False

    async def poll():
        while not done:
            seen.append(await asyncio.to_thread(server.addresses, WWW))

    poller = asyncio.create_task(poll())
    for _ in range(20):
        await provider.apply(simple(ZONE, WWW, ONE, THREE))
        await provider.apply(simple(ZONE, WWW, THREE, ONE))
    done = True
    await poller
    assert len(seen) > 5
    assert all(addresses in (ONE.addresses, THREE.addresses) for addresses in seen)


async def test_a_wrong_key(server):
    (provider,) = build(server.api, "wrong-key")
    with pytest.raises(ProviderError, match="HTTP status 401: it does not accept the token") as caught:
        await provider.fetch(ZONE, [A])
    assert "wrong-key" not in str(caught.value)
    await provider.close()


async def test_a_zone_the_server_does_not_have(provider):
    with pytest.raises(
        ProviderError, match=r"^the zone other\.test cannot be read: .*HTTP status 404: Not Found"
    ):
        await provider.fetch("other.test", [RRsetKey("www.other.test", "A")])


async def test_a_server_id_that_does_not_exist(server):
    (provider,) = build(server.api, server_id="elsewhere")
    with pytest.raises(ProviderError, match="HTTP status 404"):
        await provider.fetch(ZONE, [A])
    await provider.close()


async def test_down_and_back(provider, server):
    await provider.apply(simple(ZONE, WWW, None, ONE))
    server.stop()
    with pytest.raises(ProviderError, match="refuses TCP connections"):
        await provider.apply(simple(ZONE, WWW, ONE, TWO))
    server.start()
    assert (await provider.fetch(ZONE, [A])).rrsets == {A: ONE}
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}
    assert server.addresses(WWW) == TWO.addresses


async def test_a_primary_whose_serial_stays_is_warned_about_once(provider, server, caplog):
    sql(server, "UPDATE domains SET type='MASTER'")
    sql(server, "DELETE FROM domainmetadata WHERE kind='SOA-EDIT-API'")
    server.stop()
    server.start()
    with caplog.at_level(logging.WARNING):
        await provider.apply(simple(ZONE, WWW, None, ONE))
        await provider.fetch(ZONE, [A])
    told = [record.getMessage() for record in caplog.records if "SOA-EDIT-API" in record.getMessage()]
    assert len(told) == 1
    assert f"pdnsutil set-meta {ZONE} SOA-EDIT-API DEFAULT" in told[0]


async def test_a_secondary_is_not_written(provider, server):
    sql(server, "UPDATE domains SET type='SLAVE', master='127.0.0.9'")
    server.stop()
    server.start()
    with pytest.raises(ProviderError, match="it is a secondary there"):
        await provider.apply(simple(ZONE, WWW, None, ONE))


async def test_two_servers_are_two_providers(server):
    first, second = build([server.api, f"http://127.0.0.1:{free_port('127.0.0.1')}"])
    assert (await first.apply(simple(ZONE, WWW, None, ONE))).written == {WWW}
    with pytest.raises(ProviderError, match="refuses TCP connections"):
        await second.fetch(ZONE, [A])
    await first.close()
    await second.close()
