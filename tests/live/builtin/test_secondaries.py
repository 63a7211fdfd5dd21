"""Real NSD, Unbound, BIND and Knot are fed by the built-in server as a hidden primary."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from support.builtin import ZONE, key, plan, rrset
from support.dns_servers import Key
from support.ports import free_port
from support.process import wait_until
from support.secondaries import STARTERS, Feed

WWW = key("www")
FEEDS = [
    ("nsd", Key()),
    ("nsd", None),
    ("unbound", None),
    ("named", Key()),
    ("named", None),
    ("knotd", Key()),
]


@pytest.mark.parametrize(("kind", "tsig"), FEEDS, ids=lambda some: getattr(some, "name", some))
async def test_a_secondary_follows_every_change(kind, tsig, serve, port, tmp_path: Path):
    second = free_port("127.0.0.1")
    options = {"notify": [f"127.0.0.1:{second}"], "tsig": tsig.credentials if tsig else ""}
    primary = await serve(names=(WWW.name,), **options)
    await primary.apply(plan((WWW, None, rrset("192.0.2.1", "192.0.2.2"))))
    folder = tmp_path / kind
    folder.mkdir()
    # The server starts in a thread: it asks its primary, which answers in this event loop, before it is ready.
    secondary = await asyncio.to_thread(STARTERS[kind], folder, Feed(ZONE, port, second, tsig))
    with contextlib.closing(_Stopping(secondary)):
        await _follows(secondary, WWW.name, {"192.0.2.1", "192.0.2.2"})

        await primary.apply(plan((WWW, rrset("192.0.2.1", "192.0.2.2"), rrset("192.0.2.1"))))
        await _follows(secondary, WWW.name, {"192.0.2.1"})
        await primary.apply(plan((key("www", "AAAA"), None, rrset("2001:db8::1"))))
        await _follows(secondary, WWW.name, {"2001:db8::1"}, "AAAA")

        before = rrset("192.0.2.1")
        for number in range(2, 12):  # faster than a secondary can follow: it must end with the last
            after = rrset(f"192.0.2.{number}")
            await primary.apply(plan((WWW, before, after)))
            before = after
        await _follows(secondary, WWW.name, {"192.0.2.11"})
        await _comes_to(secondary.serial, primary.edition(ZONE).serial)

        serial = primary.edition(ZONE).serial
        await primary.close()
        restarted = await serve(names=(WWW.name,), **options)
        assert restarted.edition(ZONE).serial == serial
        await restarted.apply(plan((WWW, rrset("192.0.2.11"), rrset("192.0.2.99"))))
        assert restarted.edition(ZONE).serial > serial
        await _follows(secondary, WWW.name, {"192.0.2.99"})
        await _follows(secondary, WWW.name, {"2001:db8::1"}, "AAAA")


async def test_a_secondary_does_not_get_a_zone_of_which_names_are_missing(serve, port, tmp_path: Path):
    second = free_port("127.0.0.1")
    primary = await serve(names=(WWW.name, key("api").name), notify=[f"127.0.0.1:{second}"])
    await primary.apply(plan((WWW, None, rrset("192.0.2.1"))))
    secondary = await asyncio.to_thread(STARTERS["nsd"], tmp_path, Feed(ZONE, port, second))
    with contextlib.closing(_Stopping(secondary)):
        assert await asyncio.to_thread(secondary.addresses, WWW.name) is None
        await primary.apply(plan((key("api"), None, rrset("192.0.2.2"))))
        await _follows(secondary, WWW.name, {"192.0.2.1"})
        await _follows(secondary, key("api").name, {"192.0.2.2"})


class _Stopping:
    def __init__(self, secondary):
        self.close = secondary.stop


async def _follows(secondary, name, addresses, rtype="A"):
    """Wait until the secondary serves this; "moments" are a tenth of a second, and a busy machine gets 60."""
    await _comes_to(lambda: secondary.addresses(name, rtype), addresses)


async def _comes_to(look, wanted):
    """Wait in a thread: while a server loads a zone anew, its old process may answer as well."""
    await asyncio.to_thread(wait_until, lambda: look() == wanted, 60.0, lambda: f"{look()}, not {wanted}")
