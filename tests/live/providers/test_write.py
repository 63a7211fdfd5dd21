"""Each method on each server: what is planned is what is served, and nothing else changes."""

import asyncio
import time

from rrdnsd.core.model import Applied, RRsetKey
from support.changes import change, named, plan, rrset, simple
from support.dns_servers import STARTERS

ZONE = "example.test"
ONE, TWO, THREE = rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2"), rrset("192.0.2.3")


async def test_add_remove_and_return_of_both_families(connect, method, server, fresh_name):
    provider = await connect(method, server)
    www = fresh_name()
    a, aaaa = RRsetKey(www, "A"), RRsetKey(www, "AAAA")
    six = rrset("2001:db8::1", "2001:db8::2", ttl=5)
    assert (await provider.fetch(ZONE, [a, aaaa])).rrsets == {}
    steps = [
        ((None, TWO), (None, six)),
        ((TWO, ONE), (six, None)),
        ((ONE, TWO), (None, six)),
        ((TWO, None), (six, None)),
    ]
    for four, sixes in steps:
        applied = await provider.apply(plan(ZONE, [named(change(www, *four), change(www, *sixes))]))
        assert applied == Applied(frozenset({www}), messages=1)
        view = await provider.fetch(ZONE, [a, aaaa])
        assert view.rrsets == {key: new for key, (_, new) in ((a, four), (aaaa, sixes)) if new}
        assert view.problems == {}
        assert server.addresses(www, "A") == (four[1].addresses if four[1] else set())
        assert server.addresses(www, "AAAA") == (sixes[1].addresses if sixes[1] else set())


async def test_many_names_are_one_message_and_one_serial(connect, method, server, fresh_name):
    provider = await connect(method, server)
    names = [fresh_name() for _ in range(20)]
    serial = server.serial(ZONE)
    created = [named(change(name, None, TWO)) for name in names[:10]]
    created += [named(change(name, None, rrset("2001:db8::9"))) for name in names[10:]]
    assert (await provider.apply(plan(ZONE, created))).messages == 1
    assert server.serial(ZONE) > serial
    mixed = [named(change(name, TWO, None)) for name in names[:5]]
    mixed += [named(change(name, TWO, THREE)) for name in names[5:10]]
    mixed += [named(change(name, None, ONE)) for name in names[10:]]
    applied = await provider.apply(plan(ZONE, mixed))
    assert applied == Applied(frozenset(names), messages=1)
    view = await provider.fetch(ZONE, [RRsetKey(name, "A") for name in names])
    assert view.rrsets == {
        **{RRsetKey(name, "A"): THREE for name in names[5:10]},
        **{RRsetKey(name, "A"): ONE for name in names[10:]},
    }


async def test_only_the_name_that_changed_meanwhile_is_stale(connect, method, server, fresh_name):
    provider = await connect(method, server)
    names = [fresh_name() for _ in range(9)]
    await provider.apply(plan(ZONE, [named(change(name, None, ONE)) for name in names]))
    await provider.apply(simple(ZONE, names[4], ONE, THREE))
    applied = await provider.apply(plan(ZONE, [named(change(name, ONE, TWO)) for name in names]))
    assert (applied.written, applied.stale) == (frozenset(names) - {names[4]}, {names[4]})
    assert applied.messages == (2 if server.kind in STARTERS else 1)
    served = [server.addresses(name) for name in names]
    assert served == [THREE.addresses if name == names[4] else TWO.addresses for name in names]


async def test_a_name_is_written_whole_or_not_at_all(connect, method, server, fresh_name):
    provider = await connect(method, server)
    www = fresh_name()
    await provider.apply(simple(ZONE, www, None, ONE))
    wrong = named(change(www, ONE, TWO), change(www, rrset("2001:db8::1"), rrset("2001:db8::2")))
    assert (await provider.apply(plan(ZONE, [wrong]))).stale == {www}
    assert server.addresses(www) == ONE.addresses


async def write_all(provider, names, before, after):
    """Write these names, and once more what a slow server had no time for: that is planned anew. Returns the messages."""
    left, messages = set(names), 0
    while left:
        applied = await provider.apply(
            plan(ZONE, [named(change(name, before, after)) for name in sorted(left)])
        )
        assert applied.written
        assert applied.written | applied.stale == left
        left, messages = left - applied.written, messages + applied.messages
    return messages


async def test_a_thousand_names(connect, method, server, fresh_name):
    provider = await connect(method, server, timeout=30)  # PowerDNS takes its time for each name
    names = [fresh_name() for _ in range(1000)]
    keys = [RRsetKey(name, "A") for name in names]
    assert await write_all(provider, names, None, TWO) <= 4
    assert (await provider.fetch(ZONE, keys)).rrsets == dict.fromkeys(keys, TWO)
    assert await write_all(provider, names, TWO, None) <= 4
    assert (await provider.fetch(ZONE, keys)).rrsets == {}


async def test_a_plan_too_large_for_one_message(connect, server, fresh_name):
    provider = await connect("rfc2136", server)
    many = rrset(*(f"10.0.0.{i}" for i in range(90)))
    names = [fresh_name() for _ in range(60)]
    applied = await provider.apply(plan(ZONE, [named(change(name, None, many)) for name in names]))
    assert applied == Applied(frozenset(names), messages=2)
    view = await provider.fetch(ZONE, [RRsetKey(name, "A") for name in names])
    assert view.rrsets == dict.fromkeys((RRsetKey(name, "A") for name in names), many)


async def test_foreign_records_stay(connect, method, server, fresh_name):
    provider = await connect(method, server)
    www, neighbour = fresh_name(), fresh_name()
    await provider.apply(simple(ZONE, neighbour, None, THREE))
    await provider.apply(plan(ZONE, [named(change(www, None, TWO), change(www, None, rrset("2001:db8::1")))]))
    with_foreign, without_ours = (
        rrset("192.0.2.1", "192.0.2.2", "198.51.100.7"),
        rrset("192.0.2.1", "198.51.100.7"),
    )
    await provider.apply(simple(ZONE, www, TWO, with_foreign))
    await provider.apply(simple(ZONE, www, with_foreign, without_ours))
    assert server.addresses(www) == without_ours.addresses
    assert server.addresses(www, "AAAA") == {"2001:db8::1"}
    assert server.addresses(neighbour) == THREE.addresses
    assert server.addresses(f"ns.{ZONE}") == {"192.0.2.53"}


async def test_a_foreign_record_added_meanwhile_is_not_wiped(connect, method, server, fresh_name):
    provider = await connect(method, server)
    www = fresh_name()
    await provider.apply(simple(ZONE, www, None, ONE))
    await provider.apply(simple(ZONE, www, ONE, rrset("192.0.2.1", "198.51.100.7")))
    assert (await provider.apply(simple(ZONE, www, ONE, THREE))).stale == {www}
    assert server.addresses(www) == {"192.0.2.1", "198.51.100.7"}


async def test_a_ttl_that_differs_is_repaired(connect, method, server, fresh_name):
    provider = await connect(method, server)
    www = fresh_name()
    await provider.apply(simple(ZONE, www, None, TWO))
    await provider.apply(simple(ZONE, www, TWO, rrset(*TWO.addresses, ttl=7)))
    assert server.ttl(www) == 7
    assert server.addresses(www) == TWO.addresses


async def test_over_ipv6(connect, method, server, fresh_name):
    provider = await connect(method, server, host="::1")
    www = fresh_name()
    assert provider.label == f"default [::1]:{server.port}"
    assert (await provider.apply(simple(ZONE, www, None, ONE))).written == {www}
    assert server.addresses(www) == ONE.addresses


async def test_the_apex_of_the_zone(connect, method, server):
    provider = await connect(method, server)
    assert (await provider.apply(simple(ZONE, ZONE, None, ONE))).written == {ZONE}
    assert (await provider.apply(simple(ZONE, ZONE, ONE, None))).written == {ZONE}
    assert server.serial(ZONE) > 0


async def test_unsigned_updates_where_they_are_allowed(connect, method, open_server, fresh_name):
    provider = await connect(method, open_server, "")
    www = fresh_name()
    assert (await provider.apply(simple(ZONE, www, None, ONE))).written == {www}
    assert open_server.addresses(www) == ONE.addresses


async def test_names_that_cannot_be_managed_are_problems_of_their_own(connect, server, fresh_name):
    provider = await connect("rfc2136", server)
    www, alias, below = fresh_name(), f"alias.{ZONE}", f"www.sub.{ZONE}"
    await provider.apply(simple(ZONE, www, None, ONE))
    keys = [RRsetKey(name, rtype) for name in (www, alias, below) for rtype in ("A", "AAAA")]
    view = await provider.fetch(ZONE, keys)
    assert view.rrsets == {RRsetKey(www, "A"): ONE}
    assert view.problems.keys() == {alias, below}
    assert view.problems[alias].startswith(
        f"{alias} is a CNAME for ns.{ZONE} on {server.host}:{server.port}: "
    )
    assert view.problems[below].startswith(f"{below} is delegated: ")


async def test_a_wildcard_that_answers_for_the_name_is_found_and_told(connect, server, fresh_name):
    provider = await connect("rfc2136", server)
    www, wild = fresh_name(), f"www.wild.{ZONE}"
    before = (await provider.fetch(ZONE, [RRsetKey(wild, "A")])).rrsets[RRsetKey(wild, "A")]
    changes = [named(change(wild, before, ONE)), named(change(www, None, ONE))]
    applied = await provider.apply(plan(ZONE, changes))
    assert applied.written == {www}
    assert "a wildcard answers for the name" in applied.refused[wild]
    assert server.addresses(www) == ONE.addresses


async def test_the_event_loop_is_never_held_up_for_long(connect, server, fresh_name):
    provider = await connect("rfc2136", server)
    names = [fresh_name() for _ in range(1000)]
    longest = 0.0
    done = False

    async def watch():
        nonlocal longest
        while not done:
            before = time.thread_time()  # not the clock: what other processes take is not held up by us
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    watcher = asyncio.create_task(watch())
    await provider.apply(plan(ZONE, [named(change(name, None, TWO)) for name in names]))
    await provider.fetch(ZONE, [RRsetKey(name, rtype) for name in names for rtype in ("A", "AAAA")])
    done = True
    await watcher
    assert longest < 0.5, "a generous bound: other tests and servers share these cores"
