"""The provider contract on zones in memory and on disk; nothing listens here."""

import asyncio
from pathlib import Path

import pytest

from rrdnsd.core.model import Applied, Plan, RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers.builtin.answer import answer
from rrdnsd.providers.builtin.options import Options
from rrdnsd.providers.builtin.provider import Builtin
from rrdnsd.providers.builtin.zone import Settings
from support.builtin import ZONE, ask, eventually, key, plan, rrset

WWW = key("www")
WRITTEN = Applied(frozenset({WWW.name}), messages=1)
NOW = 1_800_000_000


def builtin(tmp_path: Path | None = None, names=(), now=NOW, zones=(ZONE,), **more) -> Builtin:
    options = Options(listen=(), settings=Settings(addresses=("192.0.2.53",)))
    state_dir = str(tmp_path) if tmp_path else None
    return Builtin("default", options, zones, names, state_dir, clock=lambda: now, **more)


def ask_it(provider: Builtin, name: str, rtype: str = "A") -> str:
    """The RCODE, or the addresses in their order."""
    response = answer(ask(name, rtype), provider._zones)
    addresses = [record.address for some in response.answer for record in some]
    return " ".join(addresses) or response.rcode().name


async def test_what_is_applied_is_fetched_and_served():
    provider = builtin()
    assert await provider.apply(plan((WWW, None, rrset("192.0.2.1")))) == WRITTEN
    both = plan(
        (WWW, rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2")),
        (key("www", "AAAA"), None, rrset("2001:db8::1")),
    )
    assert await provider.apply(both) == WRITTEN
    view = await provider.fetch(ZONE, [WWW, key("www", "AAAA"), key("other")])
    assert view.rrsets == {WWW: rrset("192.0.2.1", "192.0.2.2"), key("www", "AAAA"): rrset("2001:db8::1")}
    assert view.problems == {}
    assert ask_it(provider, "www.example.test") == "192.0.2.1 192.0.2.2"
    assert ask_it(provider, "www.example.test", "AAAA") == "2001:db8::1"


@pytest.mark.parametrize("before", [None, rrset("192.0.2.9"), rrset("192.0.2.1", ttl=9)])
async def test_a_stale_prerequisite_changes_nothing_but_the_other_names_are_written(before):
    provider = builtin()
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    both = plan((WWW, before, rrset("192.0.2.7")), (key("api"), None, rrset("192.0.2.8")))
    assert await provider.apply(both) == Applied(
        frozenset({key("api").name}), frozenset({WWW.name}), messages=1
    )
    assert ask_it(provider, "www.example.test") == "192.0.2.1"
    assert ask_it(provider, "api.example.test") == "192.0.2.8"


async def test_a_name_is_written_whole_or_not_at_all():
    provider = builtin()
    half = plan((WWW, None, rrset("192.0.2.1")), (key("www", "AAAA"), rrset("2001:db8::9"), None))
    assert await provider.apply(half) == Applied(frozenset(), frozenset({WWW.name}))
    assert provider.edition(ZONE).serial == 0
    assert ask_it(provider, "www.example.test") == "SERVFAIL"


async def test_the_serial_moves_with_changes_and_only_with_them():
    provider = builtin()
    first = plan((WWW, None, rrset("192.0.2.1")))
    await provider.apply(first)
    assert provider.edition(ZONE).serial == NOW
    assert await provider.apply(first) == Applied(frozenset(), frozenset({WWW.name}))
    same = plan((WWW, rrset("192.0.2.1"), rrset("192.0.2.1")))
    assert await provider.apply(same) == WRITTEN
    assert await provider.apply(Plan(ZONE)) == Applied(frozenset())
    assert provider.edition(ZONE).serial == NOW
    await provider.apply(plan((WWW, rrset("192.0.2.1"), rrset("192.0.2.2"))))
    assert provider.edition(ZONE).serial == NOW + 1


async def test_zones_and_names_that_are_not_ours():
    provider = builtin()
    for call in (provider.fetch("example.org", []), provider.apply(Plan("example.org"))):
        with pytest.raises(ProviderError, match=r"does not serve the zone example\.org"):
            await call
    outside = plan((key("www"), None, rrset("192.0.2.1")), zone=ZONE)
    elsewhere = builtin(zones=("www.example.test.org",))
    with pytest.raises(ProviderError, match="is not inside the zone"):
        await elsewhere.apply(Plan("www.example.test.org", outside.changes))


async def test_a_restart_serves_what_was_saved_under_its_serial(tmp_path):
    before = builtin(tmp_path, names=("www.example.test", "gone.example.test"))
    await before.apply(plan((WWW, None, rrset("192.0.2.1")), (key("gone"), None, rrset("192.0.2.2"))))
    await before.apply(plan((key("gone"), rrset("192.0.2.2"), None)))
    assert before.edition(ZONE).serial == NOW + 1
    after = builtin(
        tmp_path, names=("www.example.test", "gone.example.test", "new.example.test"), now=NOW + 9
    )
    await after.start()
    assert after.edition(ZONE) == before.edition(ZONE)
    assert ask_it(after, "www.example.test") == "192.0.2.1"
    assert ask_it(after, "gone.example.test") == "NXDOMAIN"
    assert ask_it(after, "new.example.test") == "SERVFAIL"
    assert ask_it(after, "other.example.test") == "NXDOMAIN"
    await before.close()
    await after.close()


async def test_what_is_kept_is_what_secondaries_are_offered(tmp_path):
    provider = builtin(tmp_path)
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    provider.heed(ZONE, NOW + 50, "ab" * 16)
    await provider.apply(plan((WWW, rrset("192.0.2.1"), rrset("192.0.2.2"))))
    assert ask_it(provider, "www.example.test") == "192.0.2.2"
    await provider.close()
    again = builtin(tmp_path)
    await again.start()
    assert ask_it(again, "www.example.test") == "192.0.2.1"
    assert again.edition(ZONE) == provider.edition(ZONE)
    await again.close()


async def test_a_zone_that_is_not_offered_yet_is_kept_too(tmp_path):
    names = ("www.example.test", "later.example.test")
    provider = builtin(tmp_path, names)
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    await provider.close()
    again = builtin(tmp_path, names)
    await again.start()
    assert ask_it(again, "www.example.test") == "192.0.2.1"
    assert ask_it(again, "later.example.test") == "SERVFAIL"
    assert again.edition(ZONE).serial == 0
    await again.close()


async def test_a_broken_file_is_as_if_nothing_was_published(tmp_path, caplog):
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "example.test.zone").write_text("nonsense")
    provider = builtin(tmp_path)
    await provider.start()
    assert "set aside" in caplog.text
    assert ask_it(provider, "www.example.test") == "SERVFAIL"
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    assert "192.0.2.1" in (tmp_path / "zones" / "example.test.zone").read_text()
    await provider.close()


async def test_a_disk_that_cannot_be_written_does_not_stop_a_change(tmp_path, caplog):
    (tmp_path / "zones").write_text("a file where a folder should be")
    provider = builtin(tmp_path)
    assert await provider.apply(plan((WWW, None, rrset("192.0.2.1")))) == WRITTEN
    assert ask_it(provider, "www.example.test") == "192.0.2.1"
    assert "a restart will forget what is served now" in caplog.text
    await provider.close()


async def test_changes_at_the_same_time_are_all_kept(tmp_path):
    provider = builtin(tmp_path)
    names = [key(f"host{number}") for number in range(20)]
    await asyncio.gather(*(provider.apply(plan((name, None, rrset("192.0.2.1")))) for name in names))
    text = (tmp_path / "zones" / "example.test.zone").read_text()
    assert all(f"{name.name}. 5 IN A 192.0.2.1" in text for name in names)
    assert f" {provider.edition(ZONE).serial} " in text
    await provider.close()


async def test_secondaries_wait_for_the_last_name_but_not_for_ever(caplog):
    provider = builtin(names=("www.example.test", "later.example.test"), complete_within=0.01)
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    assert not provider._zone(ZONE).complete
    await eventually(lambda: provider._zone(ZONE).complete)
    assert "now given to secondaries though there is no verdict yet on later.example.test" in caplog.text
    assert ask_it(provider, "later.example.test") == "SERVFAIL"
    await provider.close()


async def test_names_belong_to_the_deepest_zone():
    provider = builtin(zones=(ZONE, "sub.example.test"), names=("x.sub.example.test", "www.example.test"))
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    assert provider._zone(ZONE).complete
    assert ask_it(provider, "x.sub.example.test") == "SERVFAIL"


async def test_a_name_added_while_running_is_not_denied():
    provider = builtin()
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    assert ask_it(provider, "new.example.test") == "NXDOMAIN"
    provider.expect(["new.example.test"])
    assert ask_it(provider, "new.example.test") == "SERVFAIL"
    await provider.apply(plan((key("new"), None, rrset("192.0.2.2"))))
    assert ask_it(provider, "new.example.test") == "192.0.2.2"


async def test_a_name_server_that_nobody_can_find_is_warned_of(caplog):
    provider = Builtin("default", Options(listen=()), (ZONE,))
    await provider.start()
    assert "its name server ns.example.test has no address" in caplog.text
    await provider.close()


OTHER = RRsetKey("www.other.test", "A")


async def test_a_zone_that_comes_later_is_served_from_what_was_saved(tmp_path):
    before = builtin(tmp_path, zones=("other.test",))
    await before.apply(plan((OTHER, None, rrset("192.0.2.9")), zone="other.test"))
    serial = before.edition("other.test").serial
    await before.close()
    provider = builtin(tmp_path)
    await provider.start()
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    saved = await provider.saved([ZONE, "other.test", "third.test"])
    assert [one.name for one in saved] == ["other.test"]
    with pytest.raises(ProviderError, match="does not serve"):
        provider.edition("other.test")
    names = [WWW.name, OTHER.name, "api.third.test"]
    provider.serve([ZONE, "other.test", "third.test"], names, saved)
    assert ask_it(provider, OTHER.name) == "192.0.2.9"
    assert ask_it(provider, "api.third.test") == "SERVFAIL"
    assert ask_it(provider, WWW.name) == "192.0.2.1"
    assert provider.edition("other.test").serial == serial
    assert await provider.apply(plan((OTHER, rrset("192.0.2.9"), rrset("192.0.2.8")), zone="other.test")) == (
        Applied(frozenset({OTHER.name}), messages=1)
    )
    await provider.close()


async def test_names_that_are_managed_no_more_are_not_waited_for():
    provider = builtin(names=[WWW.name, "api.example.test"])
    await provider.apply(plan((WWW, None, rrset("192.0.2.1"))))
    assert ask_it(provider, "api.example.test") == "SERVFAIL"
    assert provider._offered == {}
    provider.serve([ZONE], [WWW.name])
    assert ask_it(provider, "api.example.test") == "NXDOMAIN"
    assert len(provider._offered) == 1, "nothing is pending any more, so secondaries get the zone"
    provider.serve([ZONE], [])
    assert ask_it(provider, WWW.name) == "192.0.2.1"
    await provider.close()
