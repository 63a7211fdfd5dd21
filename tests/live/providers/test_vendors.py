"""DigitalOcean and Dynu against their APIs on loopback: what is planned is what the zone holds, on bad days too."""

import asyncio
import email.utils
import time
from contextlib import asynccontextmanager

import pytest

from rrdnsd.core.model import Applied, RRset, RRsetKey
from rrdnsd.core.publish import Publication
from rrdnsd.daemon.keeping import Due, KeeperSettings
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import ProviderSpec
from rrdnsd.providers.registry import find_build
from support.changes import change, named, plan, rrset, simple
from support.eventually import at_last
from support.vendor_zones import TOKEN, VENDORS, ZONE, DigitalOceanRules, fresh_zone

WWW, API = f"www.{ZONE}", f"api.{ZONE}"
ONE, TWO, THREE = rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2"), rrset("192.0.2.3")
A = RRsetKey(WWW, "A")


@pytest.fixture
def zone():
    return fresh_zone()


@pytest.fixture(params=VENDORS)
def vendor(request):
    return request.param


@pytest.fixture
async def api(vendor, zone):
    made = VENDORS[vendor](zone)
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def connected(vendor, api, **more):
    spec = ProviderSpec(
        **{
            "name": "default",
            "method": vendor,
            "credentials": TOKEN,
            "timeout": 30.0,
            "options": {"url": api.url},
            **more,
        }
    )
    (provider,) = find_build(vendor)(spec)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.close()


@pytest.fixture
async def provider(vendor, api):
    async with connected(vendor, api) as made:
        yield made


def put(zone, name, *addresses, ttl=60):
    for address in addresses:
        zone.put(name, "AAAA" if ":" in address else "A", address, ttl)


async def test_add_remove_and_return_of_both_families(provider, zone):
    aaaa = RRsetKey(WWW, "AAAA")
    six = rrset("2001:db8::1", "2001:db8::2")
    assert (await provider.fetch(ZONE, [A, aaaa])).rrsets == {}
    steps = [
        ((None, TWO), (None, six)),
        ((TWO, ONE), (six, None)),
        ((ONE, TWO), (None, six)),
        ((TWO, None), (six, None)),
    ]
    for four, sixes in steps:
        applied = await provider.apply(plan(ZONE, [named(change(WWW, *four), change(WWW, *sixes))]))
        assert (applied.written, applied.stale, applied.refused) == ({WWW}, frozenset(), {})
        view = await provider.fetch(ZONE, [A, aaaa])
        assert view.rrsets == {key: new for key, (_, new) in ((A, four), (aaaa, sixes)) if new}
        assert view.problems == {}
    assert [e.rtype for e in zone.entries.values() if e.name == WWW] == ["TXT"]


async def test_what_is_there_already_is_not_written_again(provider, api, zone):
    put(zone, WWW, "192.0.2.1", "192.0.2.2")
    view = await provider.fetch(ZONE, [A])
    assert view.rrsets == {A: TWO}
    await provider.apply(plan(ZONE, []))
    assert api.changes == []


async def test_added_before_removed_so_the_name_is_never_empty(provider, zone):
    put(zone, WWW, "192.0.2.1", "192.0.2.2")
    zone.history.clear()
    await provider.apply(simple(ZONE, WWW, TWO, THREE))
    assert [addresses for _, addresses in zone.history] == [
        {"192.0.2.1", "192.0.2.2", "192.0.2.3"},
        {"192.0.2.2", "192.0.2.3"},
        {"192.0.2.3"},
    ]


async def test_a_name_that_changed_meanwhile_is_stale_and_untouched(provider, api, zone):
    put(zone, WWW, "192.0.2.1", "198.51.100.7")
    put(zone, API, "192.0.2.1")
    changes = [named(change(WWW, ONE, TWO)), named(change(API, ONE, TWO))]
    applied = await provider.apply(plan(ZONE, changes))
    assert (applied.written, applied.stale) == ({API}, {WWW})
    assert zone.addresses(WWW) == {"192.0.2.1", "198.51.100.7"}
    assert zone.addresses(API) == TWO.addresses


async def test_two_writers_at_once_leave_no_duplicate(vendor, api, zone):
    async with connected(vendor, api) as provider:
        results = await asyncio.gather(*(provider.apply(simple(ZONE, WWW, None, TWO)) for _ in range(4)))
    assert sorted(len(applied.stale) for applied in results) == [0, 1, 1, 1]
    assert sum(e.name == WWW and e.rtype == "A" for e in zone.entries.values()) == 2


async def test_foreign_records_stay(provider, zone):
    put(zone, WWW, "192.0.2.1", "192.0.2.2", "198.51.100.7", "2001:db8::1")
    put(zone, API, "192.0.2.9")
    before = {ident: entry for ident, entry in zone.entries.items() if entry.content != "192.0.2.2"}
    with_foreign = rrset("192.0.2.1", "192.0.2.2", "198.51.100.7")
    await provider.apply(simple(ZONE, WWW, with_foreign, rrset("192.0.2.1", "198.51.100.7")))
    assert zone.entries == before


async def test_a_record_that_stands_there_twice_is_one_address(provider, zone):
    put(zone, WWW, "192.0.2.1", "192.0.2.1", "192.0.2.2")
    assert (await provider.fetch(ZONE, [A])).rrsets == {A: TWO}
    await provider.apply(simple(ZONE, WWW, TWO, ONE))
    assert [e.content for e in zone.entries.values() if (e.name, e.rtype) == (WWW, "A")] == ["192.0.2.1"]


async def test_a_ttl_is_changed_in_place(provider, zone):
    put(zone, WWW, "192.0.2.1", "192.0.2.2", ttl=3600)
    assert (await provider.fetch(ZONE, [A])).rrsets == {A: RRset(3600, TWO.addresses)}
    zone.history.clear()
    applied = await provider.apply(simple(ZONE, WWW, RRset(3600, TWO.addresses), TWO))
    assert applied == Applied(frozenset({WWW}), messages=2)
    assert {e.ttl for e in zone.entries.values() if e.rtype == "A"} == {60}
    assert all(addresses == TWO.addresses for _, addresses in zone.history)


async def test_different_ttls_of_one_rrset_count_as_the_longest(provider, zone):
    put(zone, WWW, "192.0.2.1", ttl=60)
    put(zone, WWW, "192.0.2.2", ttl=900)
    assert (await provider.fetch(ZONE, [A])).rrsets[A].ttl == 900


async def test_a_ttl_below_what_digitalocean_takes(zone):
    api = VENDORS["digitalocean"](zone)
    await api.start()
    async with connected("digitalocean", api) as provider:
        short = rrset("192.0.2.1", ttl=5)
        assert (await provider.apply(simple(ZONE, WWW, None, short))).written == {WWW}
        served = (await provider.fetch(ZONE, [A])).rrsets[A]
        assert served.ttl == 30
        again = await provider.apply(simple(ZONE, WWW, served, short))
        assert again.refused[WWW] == f"{provider._account.host} takes no TTL below 30 s; that is set already"
        assert len(api.changes) == 1
    await api.stop()


async def test_names_that_cannot_be_managed_are_problems_of_their_own(provider, zone):
    put(zone, WWW, "192.0.2.1")
    alias, below = f"alias.{ZONE}", f"a.b.sub.{ZONE}"
    view = await provider.fetch(
        ZONE, [RRsetKey(name, t) for name in (WWW, alias, below) for t in ("A", "AAAA")]
    )
    assert view.rrsets == {A: ONE}
    assert view.problems[alias].startswith(f"{alias} has a CNAME record at 127.0.0.1:")
    assert view.problems[below].startswith(f"{below} is delegated: ")
    assert (await provider.apply(simple(ZONE, alias, None, ONE))).stale == {alias}


async def test_the_apex_of_the_zone(provider, zone):
    assert (await provider.apply(simple(ZONE, ZONE, None, ONE))).written == {ZONE}
    assert zone.addresses(ZONE) == ONE.addresses
    assert (await provider.apply(simple(ZONE, ZONE, ONE, None))).written == {ZONE}
    assert [e.rtype for e in zone.entries.values() if e.name == ZONE] == ["SOA", "NS"]


async def test_the_apex_of_dynu_while_it_has_its_dynamic_address(zone):
    api = VENDORS["dynu"](zone)
    api.answer.dynamic = True
    await api.start()
    async with connected("dynu", api) as provider:
        view = await provider.fetch(ZONE, [RRsetKey(ZONE, "A")])
        assert "itself has the address of Dynu's dynamic DNS service" in view.problems[ZONE]
        api.answer.dynamic = False
        assert (await provider.fetch(ZONE, [RRsetKey(ZONE, "A")])).problems == {}
    await api.stop()


async def test_a_disabled_record_of_dynu_is_not_served(zone):
    zone.put(WWW, "A", "192.0.2.1", enabled=False)
    api = VENDORS["dynu"](zone)
    await api.start()
    async with connected("dynu", api) as provider:
        assert (await provider.fetch(ZONE, [A])).rrsets == {}
    await api.stop()


async def test_a_name_the_vendor_refuses_holds_back_no_other(provider, zone):
    put(zone, API, "192.0.2.1", "192.0.2.2")
    put(zone, WWW, "192.0.2.1")
    zone.most = len(zone.entries)
    changes = [named(change(WWW, ONE, THREE)), named(change(API, TWO, ONE))]
    applied = await provider.apply(plan(ZONE, changes))
    assert applied.written == {API}
    assert "refuses it (HTTP status " in applied.refused[WWW]
    assert ("too many records" in applied.refused[WWW]) or ("Limit of records" in applied.refused[WWW])
    assert zone.addresses(WWW) == ONE.addresses, "nothing is removed where nothing could be added"
    assert zone.addresses(API) == ONE.addresses


async def test_a_record_that_is_gone_already_need_not_be_removed(provider, zone):
    put(zone, WWW, "192.0.2.1", "192.0.2.2")
    gone = next(ident for ident, entry in zone.entries.items() if entry.content == "192.0.2.2")
    zone.between = lambda: zone.entries.pop(gone, None)
    applied = await provider.apply(simple(ZONE, WWW, TWO, ONE))
    assert applied.written == {WWW}
    assert zone.addresses(WWW) == ONE.addresses


async def test_a_zone_the_account_does_not_have(provider):
    with pytest.raises(ProviderError, match=r"other\.test"):
        await provider.fetch("other.test", [RRsetKey("www.other.test", "A")])


async def test_many_pages(vendor, api, zone):
    if vendor == "digitalocean":
        api.answer = DigitalOceanRules(zone, page_most=7)
    names = [f"n{i}.{ZONE}" for i in range(40)]
    async with connected(vendor, api) as provider:
        applied = await provider.apply(plan(ZONE, [named(change(name, None, TWO)) for name in names]))
        assert applied.written == {*names}
        view = await provider.fetch(ZONE, [RRsetKey(name, "A") for name in names])
    assert view.rrsets == {RRsetKey(name, "A"): TWO for name in names}


async def test_a_list_that_changes_while_its_pages_are_read(zone):
    api = VENDORS["digitalocean"](zone)
    api.answer = DigitalOceanRules(zone, page_most=3)
    await api.start()
    names = [f"n{i}.{ZONE}" for i in range(10)]
    for name in names:
        put(zone, name, "192.0.2.1")
    first = next(iter(zone.entries))
    zone.between = lambda: zone.entries.pop(first, None)
    async with connected("digitalocean", api) as provider:
        view = await provider.fetch(ZONE, [RRsetKey(name, "A") for name in names])
        assert len(view.rrsets) == 10
    await api.stop()


BAD_DAYS = {
    "slow": "did not answer within 1 s",
    "drip": "did not answer within 1 s",
    "401": "answers HTTP status 401: it does not accept the token; check update_credentials (no: ",
    "403": "answers HTTP status 403: the token is not allowed to do this",
    "429": "answers HTTP status 429: too many requests",
    "500": "answers HTTP status 500: it is in trouble itself",
    "503": "answers HTTP status 503: it is in trouble itself",
    "html": "answers with text/html instead of JSON (HTTP status 200)",
    "half": "",
    "cut": "closed the connection before the whole answer had come",
    "endless": "answers with more than 8 MiB",
    "redirect": "it points to another address, and rrdnsd does not carry the token there",
    "list": "expected an object, got a list",
    "null": "expected an object, got nothing",
    "empty": "expected ",
    "types": "expected ",
    "nulls": "expected ",
}


@pytest.mark.parametrize("mood", BAD_DAYS)
async def test_a_bad_day_is_one_sentence_and_the_next_try_works(vendor, api, zone, mood):
    put(zone, WWW, "192.0.2.1", "192.0.2.2")
    entries = dict(zone.entries)
    # A drip or an endless body must be ended by our limits, so only those two get a time limit of their own.
    timeout = 1.0 if mood in {"slow", "drip"} else 30.0
    async with connected(vendor, api, timeout=timeout) as provider:
        api.mood, api.headers = mood, {"Retry-After": "0"}
        for attempt in (provider.fetch(ZONE, [A]), provider.apply(simple(ZONE, WWW, TWO, ONE))):
            with pytest.raises(ProviderError) as caught:
                await attempt
            sentence = str(caught.value)
            assert BAD_DAYS[mood] in sentence
            assert sentence.isprintable()
            assert "\n" not in sentence
            assert TOKEN not in sentence
            assert TOKEN not in repr(caught.value.__cause__)
        assert zone.entries == entries
        assert not any(asked.path == "/elsewhere" for asked in api.asked)
        api.mood = ""
        assert (await at_last(lambda: provider.fetch(ZONE, [A]), ProviderError)).rrsets == {A: TWO}
        assert (await provider.apply(simple(ZONE, WWW, TWO, ONE))).written == {WWW}
    assert zone.addresses(WWW) == ONE.addresses


@pytest.mark.parametrize("mood", ["401", "429", "500", "cut", "html", "slow"])
async def test_a_bad_day_in_the_middle_of_writing(vendor, api, zone, mood):
    put(zone, WWW, "192.0.2.1", "192.0.2.2")
    async with connected(vendor, api, timeout=2.0 if mood == "slow" else 30.0) as provider:
        api.mood, api.only, api.headers = mood, frozenset({"DELETE"}), {"Retry-After": "0"}
        with pytest.raises(ProviderError):
            await provider.apply(simple(ZONE, WWW, TWO, THREE))
        assert zone.addresses(WWW) >= THREE.addresses, "it was added before anything was to be removed"
        api.mood = ""
        served = (await provider.fetch(ZONE, [A])).rrsets[A]
        assert (await provider.apply(simple(ZONE, WWW, served, THREE))).written == {WWW}
    assert zone.addresses(WWW) == THREE.addresses


async def test_down_and_back_on_the_same_port(vendor, zone):
    api = VENDORS[vendor](zone)
    await api.start()
    async with connected(vendor, api) as provider:
        put(zone, WWW, "192.0.2.1")
        await provider.fetch(ZONE, [A])
        await api.stop()
        with pytest.raises(ProviderError, match=rf"^127\.0\.0\.1:{api.port} refuses TCP connections"):
            await provider.fetch(ZONE, [A])
        await api.start()
        assert (await provider.fetch(ZONE, [A])).rrsets == {A: ONE}
    await api.stop()


async def test_a_wrong_token(vendor, api):
    async with connected(vendor, api, credentials="wrong-token") as provider:
        with pytest.raises(ProviderError, match="HTTP status 401: it does not accept the token") as caught:
            await provider.fetch(ZONE, [A])
    assert "wrong-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        (lambda _now: {"Retry-After": "7"}, 7, 7),
        (lambda now: {"Retry-After": email.utils.formatdate(now + 600, usegmt=True)}, 400, 601),
        (lambda now: {"RateLimit-Reset": str(int(now) + 600)}, 400, 601),
        (lambda _now: {"X-RateLimit-Reset": "30"}, 30, 30),
        (lambda _now: {}, 60, 60),
        (lambda _now: {"Retry-After": "99999999"}, 3600, 3600),
    ],
)
async def test_a_vendor_that_asks_to_wait_is_left_alone(vendor, api, headers, least, most):
    async with connected(vendor, api) as provider:
        api.mood, api.headers = "429", headers(time.time())
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(ZONE, [A])
        assert least <= caught.value.retry_after <= most
        asked = len(api.asked)
        with pytest.raises(ProviderError, match="is not asked again for another") as again:
            await provider.apply(simple(ZONE, WWW, None, ONE))
        assert least - 30 <= again.value.retry_after <= most
        assert len(api.asked) == asked


async def test_one_connection_is_kept_for_many_requests(vendor, api, zone):
    async with connected(vendor, api) as provider:
        for _ in range(5):
            await provider.fetch(ZONE, [A])
        connections = list(provider._account._api._session.connector._conns.values())
        assert sum(map(len, connections)) == 1


async def test_a_keeper_does_not_rewrite_a_ttl_for_ever(zone):
    api = VENDORS["digitalocean"](zone)
    await api.start()
    publication = Publication(
        service=WWW,
        zone=ZONE,
        provider="default",
        ttl=5,
        present={A: ONE.addresses},
        absent={A: frozenset()},
        reasons={"192.0.2.1": "up"},
    )
    async with connected("digitalocean", api) as provider:
        clock = asyncio.get_running_loop().time
        keeper = ZoneKeeper(provider, ZONE, KeeperSettings(), lambda _: None, clock)
        keeper.want(publication)
        for _ in range(4):
            await keeper.reconcile({WWW: Due(clock(), clock(), drift=True)})
        assert [asked.method for asked in api.changes] == ["POST"]
    await api.stop()
