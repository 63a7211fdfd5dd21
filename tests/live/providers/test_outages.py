"""Servers that stop, come back, crash, and close the connections we keep."""

import asyncio

import pytest

from rrdnsd.core.model import RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers import rfc2136
from rrdnsd.providers.base import ProviderSpec, Resolver
from support.changes import rrset, simple
from support.dns_servers import DnsServer
from support.ports import free_port

ZONE = "example.test"
WWW = f"www.{ZONE}"
ONE, TWO = rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2")


async def test_down_during_the_change_and_back_later(connect, method, own_server):
    provider = await connect(method, own_server)
    await provider.apply(simple(ZONE, WWW, None, ONE))
    own_server.stop()
    down = (
        f"^127.0.0.1:{own_server.port} refuses TCP connections: the DNS server is down or listens elsewhere$"
    )
    with pytest.raises(ProviderError, match=down):
        await provider.apply(simple(ZONE, WWW, ONE, TWO))
    with pytest.raises(ProviderError, match=down):
        await provider.fetch(ZONE, [RRsetKey(WWW, "A")])
    own_server.start()
    assert (await provider.fetch(ZONE, [RRsetKey(WWW, "A")])).rrsets == {RRsetKey(WWW, "A"): ONE}
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}
    assert own_server.addresses(WWW) == TWO.addresses


async def test_a_crash_between_two_changes_goes_unnoticed(connect, own_server):
    provider = await connect("rfc2136", own_server)
    await provider.apply(simple(ZONE, WWW, None, ONE))
    own_server.kill()
    own_server.start()
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}
    assert own_server.addresses(WWW) == TWO.addresses


async def test_a_connection_the_server_closed_while_it_was_idle(connect, own_server, monkeypatch):
    provider = await connect("rfc2136", own_server)
    await provider.apply(simple(ZONE, WWW, None, ONE))
    link, gone = provider._server.exchange._link, asyncio.Event()
    lost = link.connection_lost
    monkeypatch.setattr(link, "connection_lost", lambda error: (lost(error), gone.set()))
    await asyncio.wait_for(gone.wait(), 60)
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}
    assert own_server.addresses(WWW) == TWO.addresses


async def test_two_resolvers_of_which_one_is_down(own_server, keys):
    resolvers = (Resolver("127.0.0.1", free_port()), Resolver("127.0.0.1", own_server.port))
    spec = ProviderSpec("default", "rfc2136", resolvers, keys["hmac-sha256"].credentials)
    down, running = rfc2136.build(spec)
    with pytest.raises(ProviderError, match="refuses TCP connections"):
        await down.apply(simple(ZONE, WWW, None, ONE))
    assert (await running.apply(simple(ZONE, WWW, None, ONE))).written == {WWW}
    await running.close()
    await down.close()


async def test_a_server_that_accepts_and_stays_silent(connect, method):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]

    server = DnsServer("silent", port, (ZONE,), launch=lambda: None)
    provider = await connect(method, server, timeout=0.5)
    try:
        with pytest.raises(ProviderError, match=f"^127.0.0.1:{port} did not answer within 0.5 s over TCP"):
            async with asyncio.timeout(60):
                await provider.apply(simple(ZONE, WWW, None, ONE))
    finally:
        await provider.close()
        listener.close()
