"""Another configuration for the running parts: real probes, the real engine, the built-in server on real sockets."""

import asyncio
import contextlib
import json
import time

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from rrdnsd.compose import parts
from rrdnsd.compose.live import Live
from rrdnsd.config.loader import load_raw
from rrdnsd.config.overlay import overlay
from rrdnsd.core import orders
from rrdnsd.core.engine import Engine
from rrdnsd.core.events import Ordered
from rrdnsd.core.ledger import Entry, Ledger
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.orders import Changes
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.errors import RrdnsdError
from rrdnsd.probes.runner import Runner
from support.builtin import eventually
from support.endpoints_http import Endpoints
from support.ports import free_port

WWW, API = "www.example.test", "api.other.test"
ONE, TWO, THREE = "127.0.0.2", "127.0.0.3", "127.0.0.4"
NODE = "127.0.0.1:3333"


class Node:
    """One node's working parts, its ledger, and what its DNS server answers."""

    def __init__(self, folder, backends, changes=None):
        self.backends, self.dns_port = backends, free_port("127.0.0.1")
        config = {
            "local_node": NODE,
            "nodes": [NODE],
            "probe_interval_ms": 2000,
            "fast_interval_ms": 100,
            "state_dir": str(folder),
            "builtin": {"listen": [f"127.0.0.1:{self.dns_port}"]},
            "ttl": 5,
            "services": [self.service(WWW, ONE, TWO)],
        }
        path = folder / "rrdnsd.json"
        path.write_text(json.dumps(config))
        self.loaded = load_raw(path, {})
        self.ledger, self.clock, self.folder = Ledger(), asyncio.get_running_loop().time, folder
        changes = changes or Changes()
        config = overlay(self.loaded, changes)
        self.built = parts.providers(config, folder, changes)
        engine = Engine(NODE, (NODE,), parts.core_services(config, changes), self.clock())
        self.runtime = Runtime(engine, self.clock)
        loop = asyncio.get_running_loop()
        self.scheduler = Scheduler(loop, self.runtime.on_results, lambda take: Runner(loop, take, self.bug))
        self.led = asyncio.Event()
        self.live = Live(config, changes, self.runtime, self.scheduler, self.built, self.led.set, folder)
        self.bugs = []

    def bug(self, *about):
        self.bugs.append(about)

    def service(self, fqdn, *addresses, **more):
        zone = fqdn.partition(".")[2]
        check = f"http://{{}}:{self.backends.port}/"
        return {"fqdn": fqdn, "zone": zone, "healthcheck": check, "ipaddrs": list(addresses), **more}

    @contextlib.asynccontextmanager
    async def running(self):
        for server in (server for group in self.built.values() for server in group):
            await server.start()
        keepers = parts.keepers(self.live.config, self.built, self.runtime, self.live.changes)
        self.runtime.attach(self.scheduler, keepers)
        self.runtime.handle(Ordered(()))
        self.scheduler.set_jobs(self.live.jobs())
        task = asyncio.create_task(self.runtime.run())
        try:
            yield self
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.scheduler.close()
            await self.live.close()
            for server in (server for group in self.built.values() for server in group):
                await server.close()
        assert not self.bugs

    async def order(self, *settings):
        """Put orders into the ledger, and follow what it says then."""
        for setting in settings:
            stamp = self.ledger.stamp(NODE, time.time_ns() // 1_000_000)
            self.ledger.merge([Entry(setting.key, stamp, setting.value, "ann", "work")])
        changes = orders.changes(self.ledger)
        await self.live.apply(overlay(self.loaded, changes), changes)
        self.runtime.handle(Ordered(orders.overrides(self.ledger, time.time(), self.clock())))

    async def answer(self, fqdn):
        query = dns.message.make_query(fqdn, "A")
        reply = await dns.asyncquery.udp(query, "127.0.0.1", timeout=20, port=self.dns_port)
        found = {rdata.address for rrset in reply.answer for rdata in rrset}
        return found if reply.rcode() == dns.rcode.NOERROR else dns.rcode.to_text(reply.rcode())

    async def serves(self, fqdn, wanted):
        for _ in range(3000):
            found = await self.answer(fqdn)
            if found == wanted:
                break
            await asyncio.sleep(0.02)
        assert found == wanted


@pytest.fixture
def backends():
    made = Endpoints(ONE, TWO, THREE)
    yield made
    made.close()


@pytest.fixture
async def node(tmp_path, backends):
    async with Node(tmp_path, backends).running() as running:
        await running.serves(WWW, {ONE, TWO})
        yield running


async def test_a_service_with_a_new_zone_is_served_and_taken_back(node):
    assert await node.answer(API) == "REFUSED"
    await node.order(orders.place_service(API, node.service(API, TWO, THREE)))
    await node.serves(API, {TWO, THREE})
    assert set(node.live.served) == {"example.test", "other.test"}
    gone = {"zone": "other.test", "provider": "default", "addresses": [TWO, THREE]}
    await node.order(orders.remove_service(API, withdraw=True, **gone))
    await node.serves(API, "NXDOMAIN")
    assert EndpointKey(API, TWO) not in node.runtime.engine.endpoints
    assert API not in node.runtime.engine.electorate.own.services()
    await node.order(orders.place_service(API, node.service(API, THREE)))
    await node.serves(API, {THREE})
    assert await node.answer(WWW) == {ONE, TWO}


async def test_the_peers_are_told_at_once_of_an_edition_of_any_zone(node):
    node.led.clear()
    await node.order(orders.place_service(API, node.service(API, THREE)))
    await node.serves(API, {THREE})
    await asyncio.wait_for(node.led.wait(), 60)


async def test_a_service_that_is_removed_may_leave_its_records(node):
    await node.order(orders.place_service(API, node.service(API, THREE)))
    await node.serves(API, {THREE})
    await node.order(orders.remove_service(API, withdraw=False))
    assert ("default", "other.test") not in node.runtime.keepers
    hits = node.backends.hits(THREE)
    www = node.backends.hits(ONE)
    await eventually(lambda: node.backends.hits(ONE) > www + 3)
    assert node.backends.hits(THREE) <= hits + 1
    assert await node.answer(API) == {THREE}


async def test_endpoints_come_and_go_and_the_others_notice_nothing(node):
    engine, key = node.runtime.engine, EndpointKey(WWW, ONE)
    status, probe = engine.endpoints[key], node.live.jobs()[0].probe
    await node.order(orders.place_endpoint(WWW, THREE))
    await node.serves(WWW, {ONE, TWO, THREE})
    assert engine.endpoints[key] is status
    assert status.verdict is State.UP
    assert node.live.jobs()[0].probe is probe
    await node.order(orders.remove_endpoint(WWW, TWO, withdraw=True))
    await node.serves(WWW, {ONE, THREE})
    await node.order(orders.remove_endpoint(WWW, THREE, withdraw=False))
    (keeper,) = node.runtime.keepers["default", "example.test"]
    report = await keeper.refresh(WWW)
    assert (report.trouble, report.serves) == ("", (ONE, THREE))
    assert await node.answer(WWW) == {ONE, THREE}


async def test_a_drain_is_done_when_no_server_has_the_address(node):
    (keeper,) = node.runtime.keepers["default", "example.test"]
    assert keeper.gone_at(WWW, ONE) is None
    began = node.clock()
    await node.order(orders.drain(WWW, ONE))
    await eventually(lambda: keeper.gone_at(WWW, ONE))
    gone = keeper.gone_at(WWW, ONE)
    assert (gone.ttl, began <= gone.since <= node.clock()) == (5, True)
    assert await node.answer(WWW) == {TWO}
    assert keeper.status.last_answer == "NOERROR"
    await node.order(orders.drain(WWW, ONE).lifted())
    await node.serves(WWW, {ONE, TWO})
    assert keeper.gone_at(WWW, ONE) is None


async def test_what_cannot_be_prepared_changes_nothing(node):
    before = node.live.config, node.live.changes, dict(node.runtime.keepers)
    taken = node.service(API, THREE, provider="second")
    raw = {**node.loaded.raw, "update_method": "rfc2136", "update_resolvers": ["127.0.0.1"]}
    raw["providers"] = {"second": {"update_method": "builtin"}}
    raw["services"] = [*node.loaded.raw["services"], taken]
    path = node.folder / "other.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(RrdnsdError, match="cannot listen"):
        await node.live.apply(load_raw(path, {}).config, Changes())
    assert (node.live.config, node.live.changes, dict(node.runtime.keepers)) == before
    assert await node.answer(WWW) == {ONE, TWO}


async def test_a_withdrawal_is_done_after_a_restart_as_well(tmp_path, backends):
    node = Node(tmp_path, backends)
    async with node.running():
        await node.order(orders.place_service(API, node.service(API, THREE)))
        await node.serves(API, {THREE})
    gone = {"zone": "other.test", "provider": "default", "addresses": [THREE]}
    setting = orders.remove_service(API, withdraw=True, **gone)
    changes = orders.changes([Entry(setting.key, node.ledger.stamp(NODE, 0), setting.value)])
    async with Node(tmp_path, backends, changes).running() as again:
        await again.serves(API, "NXDOMAIN")
        await again.serves(WWW, {ONE, TWO})
