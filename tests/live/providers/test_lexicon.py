"""The adapter for dns-lexicon, proved with its PowerDNS provider on a real pdns_server, and on bad days."""

import asyncio
import threading

import pytest

from rrdnsd.core.model import RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers import lexicon
from rrdnsd.providers.base import ProviderSpec
from support.changes import change, named, plan, rrset, simple
from support.dns_servers import Setup, start_pdns, zone
from support.eventually import at_last
from support.ports import free_port
from support.vendor_http import VendorApi

ZONE, WWW = "example.test", "www.example.test"
A, AAAA = RRsetKey(WWW, "A"), RRsetKey(WWW, "AAAA")
KEY = "geheim-0123456789"
ONE, TWO, THREE = rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2"), rrset("192.0.2.3")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    records = ["alias IN CNAME ns", "sub IN NS ns.else.test."]
    made = start_pdns(tmp_path_factory.mktemp("pdns"), Setup({ZONE: zone(ZONE, *records)}, api_key=KEY))
    yield made
    made.stop()


@pytest.fixture
async def provider(server):
    made = build(server.api)
    yield made
    view = await made.fetch(ZONE, [A, AAAA])
    left = [change(WWW, found, None) for found in view.rrsets.values()]
    await made.apply(plan(ZONE, [named(*left)] if left else []))
    await made.close()


def build(url, key=KEY, timeout=30.0):
    options = {"vendor": "powerdns", "pdns_server": url}
    (made,) = lexicon.build(ProviderSpec("default", "lexicon", (), key, timeout, options=options))
    return made


async def test_add_remove_and_return_of_both_families(provider, server):
    six = rrset("2001:db8::1", "2001:db8::2")
    assert (await provider.fetch(ZONE, [A, AAAA])).rrsets == {}
    steps = [
        ((None, TWO), (None, six)),
        ((TWO, ONE), (six, None)),
        ((ONE, TWO), (None, six)),
        ((TWO, None), (six, None)),
    ]
    for four, sixes in steps:
        applied = await provider.apply(plan(ZONE, [named(change(WWW, *four), change(WWW, *sixes))]))
        assert (applied.written, applied.stale, applied.refused) == ({WWW}, frozenset(), {})
        view = await provider.fetch(ZONE, [A, AAAA])
        assert view.rrsets == {key: new for key, (_, new) in ((A, four), (AAAA, sixes)) if new}
        assert server.addresses(WWW) == (four[1].addresses if four[1] else set())
        assert server.addresses(WWW, "AAAA") == (sixes[1].addresses if sixes[1] else set())


async def test_the_ttl_of_new_records(provider, server):
    await provider.apply(simple(ZONE, WWW, None, rrset("192.0.2.1", ttl=7)))
    assert server.ttl(WWW) == 7


async def test_the_ttl_of_records_that_exist_is_left_alone(provider, server):
    await provider.apply(simple(ZONE, WWW, None, TWO))
    applied = await provider.apply(simple(ZONE, WWW, TWO, rrset(*TWO.addresses, ttl=7)))
    assert applied.refused[WWW].startswith("the TTL of records that exist is left alone at powerdns")
    assert server.addresses(WWW) == TWO.addresses


async def test_a_name_that_changed_meanwhile_is_stale(provider, server):
    await provider.apply(simple(ZONE, WWW, None, TWO))
    assert (await provider.apply(simple(ZONE, WWW, ONE, THREE))).stale == {WWW}
    assert server.addresses(WWW) == TWO.addresses


async def test_what_others_write_is_seen_at_once(provider, server):
    other = build(server.api)
    await provider.fetch(ZONE, [A])
    await other.apply(simple(ZONE, WWW, None, TWO))
    assert (await provider.fetch(ZONE, [A])).rrsets == {A: TWO}
    await other.close()


async def test_names_that_cannot_be_managed(provider):
    view = await provider.fetch(ZONE, [RRsetKey(f"alias.{ZONE}", "A"), RRsetKey(f"a.sub.{ZONE}", "A")])
    assert view.problems.keys() == {f"alias.{ZONE}", f"a.sub.{ZONE}"}


async def test_a_wrong_key(server):
    provider = build(server.api, "wrong-key-0123")
    with pytest.raises(
        ProviderError, match="powerdns answers HTTP status 401: it does not accept the token"
    ) as caught:
        await provider.fetch(ZONE, [A])
    assert "wrong-key" not in str(caught.value)
    await provider.close()


async def test_a_zone_the_vendor_does_not_have(provider):
    with pytest.raises(ProviderError, match=r"^powerdns refuses it \(HTTP status 404"):
        await provider.fetch("other.test", [RRsetKey("www.other.test", "A")])


async def test_the_event_loop_goes_on_meanwhile(provider):
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    await provider.apply(simple(ZONE, WWW, None, ONE))
    beating.cancel()
    assert beats > 20


BAD_DAYS = {
    "slow": "powerdns did not answer within 0.3 s",
    "drip": "powerdns did not answer within 0.3 s",
    "401": "powerdns answers HTTP status 401",
    "403": "powerdns answers HTTP status 403",
    "429": "powerdns answers HTTP status 429: too many requests",
    "500": "powerdns answers HTTP status 500",
    "html": "powerdns answers with something that dns-lexicon does not understand",
    "cut": "powerdns cannot be reached",
    "endless": "powerdns: OSError: an answer of more than 8 MiB",
    "list": "powerdns answers with something that dns-lexicon does not understand",
    "null": "powerdns answers with something that dns-lexicon does not understand",
    "empty": "powerdns answers with something that dns-lexicon does not understand",
}


@pytest.mark.parametrize("mood", BAD_DAYS)
async def test_a_bad_day_is_one_sentence_and_the_next_try_works(mood):
    zone_answer = {"name": f"{ZONE}.", "kind": "Native", "rrsets": []}
    api = VendorApi(lambda _: (200, zone_answer), lambda headers: headers.get("X-API-Key") == KEY)
    await api.start()
    provider = build(api.url, timeout=0.3 if mood in {"slow", "drip"} else 20.0)
    api.mood, api.headers = mood, {"Retry-After": "0"}
    with pytest.raises(ProviderError) as caught:
        async with asyncio.timeout(90):
            await provider.fetch(ZONE, [A])
    assert str(caught.value).startswith(BAD_DAYS[mood])
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    api.mood = ""
    assert (await at_last(lambda: provider.fetch(ZONE, [A]), ProviderError)).rrsets == {}
    await provider.close()
    await api.stop()


async def test_a_vendor_that_asks_to_wait_is_left_alone():
    api = VendorApi(lambda _: (200, {}), lambda _: True, mood="429", headers={"Retry-After": "50"})
    await api.start()
    provider = build(api.url)
    for _ in range(2):
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(ZONE, [A])
        assert 20 < caught.value.retry_after <= 50
    assert len(api.asked) == 1
    await provider.close()
    await api.stop()


async def test_down():
    provider = build(f"http://127.0.0.1:{free_port('127.0.0.1')}")
    with pytest.raises(ProviderError, match=r"^powerdns cannot be reached \(ConnectionError") as caught:
        await provider.fetch(ZONE, [A])
    assert "/api/v1" not in str(caught.value)
    await provider.close()


async def test_no_thread_is_left_behind(provider):
    for _ in range(5):
        await provider.fetch(ZONE, [A])
    for thread in [thread for thread in threading.enumerate() if "lexicon" in thread.name]:
        thread.join(30)
        assert not thread.is_alive()
