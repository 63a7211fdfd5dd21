"""The serial of a zone among other nodes' editions, and after a restart; time is virtual."""

import asyncio
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import RRset
from rrdnsd.providers.builtin.edition import MAX_SERIAL, Edition, newer, next_serial
from rrdnsd.providers.builtin.options import Options
from rrdnsd.providers.builtin.provider import COMPLETE_WITHIN, SETTLE, VERIFY_WITHIN, Builtin
from rrdnsd.providers.builtin.store import Saved
from support import virtual_time
from support.builtin import ZONE, key, plan, rrset

NOW = 1_800_000_000
WWW, API = key("www"), key("api")
OLD, NEW, OTHER = rrset("192.0.2.1"), rrset("192.0.2.2"), rrset("192.0.2.3")
STRANGE = "ab" * 16
serials = st.integers(1, MAX_SERIAL)


def node(*names: str, now: float = NOW, saved: Saved | None = None) -> Builtin:
    """A server whose clock stands still; with `saved`, as after a restart."""
    server = Builtin("default", Options(listen=()), (ZONE,), names, clock=lambda: now)
    if saved:
        server._restore(server._zone(ZONE), saved)
    return server


async def write(server: Builtin, *changes: tuple[object, RRset | None]) -> Edition:
    """Look and write as a keeper does."""
    view = await server.fetch(ZONE, [some for some, _ in changes])
    different = [(some, view.rrsets.get(some), new) for some, new in changes if view.rrsets.get(some) != new]
    if different:
        await server.apply(plan(*different))
    return server.edition(ZONE)


def what_was_saved(serial: int = NOW - 100, complete: bool = True) -> Saved:
    return Saved(ZONE, serial, {WWW: OLD, API: OLD}, complete=complete)


async def test_an_unpublished_zone_has_no_serial():
    assert node(WWW.name).edition(ZONE).serial == 0


async def test_a_zone_that_secondaries_may_not_have_yet_has_no_serial():
    server = node(WWW.name, API.name)
    assert (await write(server, (WWW, OLD))).serial == 0
    assert (await write(server, (API, OLD))).serial == NOW
    await server.close()


@pytest.mark.parametrize(
    ("zone", "serial"),
    [("example.org", NOW), ("a" * 64, NOW), ("a..b", NOW), (ZONE, 0), (ZONE, -1), (ZONE, 2**32)],
)
async def test_what_makes_no_sense_is_ignored(zone, serial):
    server = node()
    before = await write(server, (WWW, OLD))
    assert not server.heed(zone, serial, before.digest)
    assert not server.heed(zone, serial, STRANGE)
    assert (await write(server, (WWW, NEW))).serial == before.serial + 1


async def test_the_same_content_under_a_higher_serial():
    server = node()
    before = await write(server, (WWW, OLD))
    assert server.heed(ZONE, NOW + 50, before.digest)
    assert server.edition(ZONE) == Edition(NOW + 50, before.digest)
    assert not server.heed(ZONE, NOW + 50, before.digest)
    assert not server.heed(ZONE, NOW + 20, before.digest)
    assert server._zone(ZONE).soa.serial == NOW + 50


async def test_a_serial_decades_ahead_is_one_that_no_secondary_would_take():
    server = node()
    before = await write(server, (WWW, OLD))
    assert not server.heed(ZONE, MAX_SERIAL, before.digest)
    assert not server.heed(ZONE, MAX_SERIAL, STRANGE)
    assert (await write(server, (WWW, NEW))).serial == NOW + 1


def test_other_content_under_a_higher_serial_is_a_floor_for_the_next_change():
    async def main():
        server = node()
        before = await write(server, (WWW, OLD))
        assert server.heed(ZONE, NOW + 50, STRANGE)
        assert not server.heed(ZONE, NOW + 50, STRANGE)
        assert not server.heed(ZONE, NOW + 40, STRANGE)
        await asyncio.sleep(1000)
        assert server.edition(ZONE) == before
        assert (await write(server, (WWW, NEW))).serial == NOW + 51

    virtual_time.run(main())


def test_a_change_waits_below_an_edition_that_was_heard_of_this_moment():
    async def main():
        server = node()
        before = await write(server, (WWW, OLD))
        server.heed(ZONE, NOW + 50, STRANGE)
        await asyncio.sleep(SETTLE * 0.9)
        assert await write(server, (WWW, NEW)) == before
        await asyncio.sleep(SETTLE * 0.05)
        assert await write(server, (WWW, OTHER)) == before
        assert (await server.fetch(ZONE, [WWW])).rrsets == {WWW: OTHER}
        assert server._offered[server._zone(ZONE).origin].records == {WWW: OLD}
        await asyncio.sleep(SETTLE * 0.1)
        assert server.edition(ZONE).serial == NOW + 51
        assert server._offered[server._zone(ZONE).origin].records == {WWW: OTHER}
        await asyncio.sleep(1000)
        assert server.edition(ZONE).serial == NOW + 51

    virtual_time.run(main())


def test_each_newer_edition_makes_a_waiting_change_wait_on():
    async def main():
        server = node()
        before = await write(server, (WWW, OLD))
        server.heed(ZONE, NOW + 50, STRANGE)
        await write(server, (WWW, NEW))
        await asyncio.sleep(SETTLE * 0.9)
        server.heed(ZONE, NOW + 60, "cd" * 16)
        await asyncio.sleep(SETTLE * 0.9)
        assert server.edition(ZONE) == before
        for _ in range(9):  # the same news again is none
            server.heed(ZONE, NOW + 60, "cd" * 16)
            await asyncio.sleep(SETTLE * 0.02)
        assert server.edition(ZONE).serial == NOW + 61

    virtual_time.run(main())


def test_who_catches_up_takes_the_serial_over():
    async def main():
        leader, follower = node(now=NOW + 3600), node()
        leader.on_lead, follower.on_lead = (partial(leads.append, who) for who in ("leader", "follower"))
        for server in (leader, follower):
            await write(server, (WWW, OLD), (API, OLD))
        leads.clear()
        ahead = await write(leader, (WWW, NEW), (API, NEW))
        follower.heed(ZONE, *_told(ahead))
        assert (await write(follower, (WWW, NEW))).serial == NOW
        assert await write(follower, (API, NEW)) == ahead
        await asyncio.sleep(1000)
        assert follower.edition(ZONE) == ahead
        assert leads == ["leader"]

    leads = []
    virtual_time.run(main())


def test_who_hears_that_others_caught_up_with_its_waiting_change_takes_the_serial_over():
    async def main():
        server = node()
        await write(server, (WWW, OLD))
        server.heed(ZONE, NOW + 50, STRANGE)
        await write(server, (WWW, NEW))
        there = Edition(NOW + 60, server._zone(ZONE).digest)
        assert server.heed(ZONE, *_told(there))
        await asyncio.sleep(1000)
        assert server.edition(ZONE) == there

    virtual_time.run(main())


async def test_when_two_contents_have_one_serial_it_is_nobodys():
    twin, server = node(now=NOW + 50), node()
    await write(server, (WWW, OLD))
    ahead = await write(twin, (WWW, NEW))
    assert server.heed(ZONE, *_told(ahead))
    assert server.heed(ZONE, ahead.serial, STRANGE)
    assert not server.heed(ZONE, ahead.serial, STRANGE)
    assert (await write(server, (WWW, NEW))).serial == NOW
    await server.close()


def test_a_restored_zone_keeps_its_serial_until_every_name_was_looked_at():
    async def main():
        server = node(WWW.name, API.name, saved=what_was_saved())
        await asyncio.sleep(1000)
        assert server.edition(ZONE).serial == NOW - 100
        await write(server, (WWW, OLD))
        await asyncio.sleep(VERIFY_WITHIN * 0.9)
        assert server.edition(ZONE).serial == NOW - 100
        await write(server, (API, OLD))
        await asyncio.sleep(SETTLE * 0.9)
        assert server.edition(ZONE).serial == NOW - 100
        await asyncio.sleep(SETTLE * 0.2)
        assert server.edition(ZONE).serial == NOW
        await write(server, (WWW, OLD), (API, OLD))
        await asyncio.sleep(1000)
        assert server.edition(ZONE).serial == NOW

    virtual_time.run(main())


def test_the_last_look_that_finds_a_difference_leads_at_once_and_only_once():
    async def main():
        server = node(WWW.name, API.name, saved=what_was_saved())
        await write(server, (WWW, OLD))
        assert (await write(server, (API, NEW))).serial == NOW
        await asyncio.sleep(1000)
        assert server.edition(ZONE).serial == NOW

    virtual_time.run(main())


def test_a_change_beside_names_that_nobody_looked_at_does_not_lead():
    async def main():
        server = node(WWW.name, API.name, saved=what_was_saved())
        assert (await write(server, (WWW, NEW))).serial == NOW - 100
        await asyncio.sleep(SETTLE * 2)
        assert server.edition(ZONE).serial == NOW - 100
        await write(server, (API, OLD))
        await asyncio.sleep(SETTLE)
        assert server.edition(ZONE).serial == NOW

    virtual_time.run(main())


def test_names_without_a_verdict_do_not_hold_up_the_others_for_ever(caplog):
    async def main():
        server = node(WWW.name, API.name, saved=what_was_saved())
        await write(server, (WWW, NEW))
        await asyncio.sleep(VERIFY_WITHIN)
        assert server.edition(ZONE).serial == NOW
        assert "there is no verdict yet on api.example.test" in caplog.text
        assert (await write(server, (WWW, OTHER))).serial == NOW + 1

    virtual_time.run(main())


def test_but_they_do_while_another_node_leads():
    async def main():
        server = node(WWW.name, API.name, saved=what_was_saved())
        server.heed(ZONE, NOW - 50, STRANGE)
        await write(server, (WWW, NEW))
        await asyncio.sleep(VERIFY_WITHIN * 3)
        assert server.edition(ZONE).serial == NOW - 100
        await write(server, (API, NEW))
        assert server.edition(ZONE).serial == NOW

    virtual_time.run(main())


def test_a_node_that_stood_still_does_not_lead_with_what_it_believed_before(caplog):
    async def main():
        server = node(WWW.name, API.name, saved=what_was_saved())
        await write(server, (WWW, OLD), (API, OLD))
        asyncio.get_running_loop()._jumping.now += 60
        await asyncio.sleep(1000)
        assert server.edition(ZONE).serial == NOW - 100
        assert "stood still for 58.0 s" in caplog.text
        await write(server, (WWW, OLD), (API, NEW))
        assert server.edition(ZONE).serial == NOW

    virtual_time.run(main())


def test_a_node_that_stood_still_does_not_give_up_waiting_for_names():
    async def main():
        server = node(WWW.name, API.name)
        await write(server, (WWW, OLD))
        asyncio.get_running_loop()._jumping.now += COMPLETE_WITHIN + 60
        await asyncio.sleep(1000)
        assert server.edition(ZONE).serial == 0
        await write(server, (WWW, OLD))
        await asyncio.sleep(COMPLETE_WITHIN)
        assert server.edition(ZONE).serial == NOW

    virtual_time.run(main())


@pytest.mark.parametrize("complete", [True, False])
def test_peers_alone_verify_nothing(complete):
    async def main():
        saved = what_was_saved(complete=complete)
        server = node(WWW.name, API.name, "late.example.test", saved=saved)
        for passed in range(1000):
            server.heed(ZONE, NOW - 200 - passed, STRANGE)
            await asyncio.sleep(1)
        assert server._zone(ZONE).serial == NOW - 100
        assert server._zone(ZONE).complete == complete

    virtual_time.run(main())


def test_a_restart_takes_over_the_serial_of_the_same_content_and_is_raised_when_verified():
    async def main():
        server = node(WWW.name, API.name, saved=what_was_saved())
        assert server.heed(ZONE, NOW - 50, server.edition(ZONE).digest)
        assert server.edition(ZONE).serial == NOW - 50
        await write(server, (WWW, OLD), (API, OLD))
        await asyncio.sleep(SETTLE)
        assert server.edition(ZONE).serial == NOW

    virtual_time.run(main())


def test_a_new_node_takes_over_the_serial_of_what_is_served_already():
    async def main():
        old, new = node(WWW.name, API.name, now=NOW - 9999), node(WWW.name, API.name)
        edition = await write(old, (WWW, OLD), (API, OLD))
        new.heed(ZONE, *_told(edition))
        await asyncio.sleep(1000)
        await write(new, (WWW, OLD))
        assert new.edition(ZONE).serial == 0
        assert await write(new, (API, OLD)) == edition
        await old.close()
        await new.close()

    virtual_time.run(main())


async def test_a_zone_of_which_names_are_missing_takes_nothing_over():
    part = await write(node(), (WWW, OLD))
    for heard_first in (True, False):
        new = node(WWW.name, API.name)
        if heard_first:
            assert new.heed(ZONE, *_told(part))
        await write(new, (WWW, OLD))
        new.heed(ZONE, *_told(part))
        assert new.edition(ZONE).serial == 0
        await new.close()


@given(serials, st.integers(0, MAX_SERIAL), st.integers(0, 2**33))
def test_a_secondary_takes_the_next_serial_after_all_that_it_may_have(current, floor, now):
    serial = next_serial(current, floor, now)
    assert 0 < serial <= MAX_SERIAL
    assert newer(serial, current)
    if floor and newer(floor % MAX_SERIAL + 1, current):
        assert newer(serial, floor)


@given(serials, serials)
def test_of_two_serials_one_is_newer_unless_they_are_half_a_circle_apart(one, other):
    assert newer(one, other) + newer(other, one) == (one != other and abs(one - other) != 2**31)


@pytest.mark.parametrize(
    ("current", "floor", "now", "expected"),
    [
        (0, 0, NOW + 0.9, NOW),
        (0, 0, 0, 1),
        (0, NOW, 0, NOW + 1),
        (0, 0, 3_000_000_000, 3_000_000_000),  # the year 2065
        (NOW, 0, NOW, NOW + 1),
        (NOW, NOW + 5, NOW + 1, NOW + 6),
        (NOW, NOW - 5, NOW + 7, NOW + 7),
        (NOW, 0, 0, NOW + 1),  # a clock that was never set
        (NOW, 0, MAX_SERIAL, NOW + 1),  # or that is decades ahead
        (NOW, MAX_SERIAL, NOW, NOW + 1),
        (MAX_SERIAL, 0, 2**32, 1),  # the year 2106
        (MAX_SERIAL - 5, 0, 2**32 + 3, 3),
    ],
)
def test_the_next_serial(current, floor, now, expected):
    assert next_serial(current, floor, now) == expected


def _told(edition: Edition) -> tuple[int, str]:
    return edition.serial, edition.digest
