"""Which nodes probe what, and when, where only some of them vote; and that nothing is lost when others are chosen."""

import asyncio
import json
from collections import Counter
from itertools import pairwise

import pytest

from rrdnsd.compose import heartbeats, parts
from rrdnsd.compose.live import Live
from rrdnsd.compose.probing import scheduling
from rrdnsd.config.loader import load_raw
from rrdnsd.config.overlay import overlay
from rrdnsd.core.calls import Call
from rrdnsd.core.engine import Engine
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.orders import Changes
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.timetable import phase_of

NODES = tuple(f"10.0.0.{number}:3333" for number in range(1, 6))
NAMES = [f"s{number}.example.org" for number in range(40)]


@pytest.fixture
def loaded(tmp_path):
    def load(me, nodes=NODES, healthcheck="http://{}/", **more):
        path = tmp_path / "rrdnsd.json"
        service = {"zone": "example.org", "healthcheck": healthcheck, "ipaddrs": ["192.0.2.1"], **more}
        made = {
            "local_node": me,
            "nodes": nodes,
            "insecure_cluster": True,
            "voters": 3,
            "services": [{"fqdn": fqdn, **service} for fqdn in NAMES],
        }
        path.write_text(json.dumps(made))
        return load_raw(path, {})

    return load


def test_each_endpoint_is_looked_at_by_its_voters_in_even_turns(loaded):
    found = {node: parts.probing(loaded(node).config, 0.0, 0.0, {}) for node in NODES}
    places = {}
    for probing in found.values():
        for key, made in probing.items():
            places.setdefault(key, []).append((made.job.phase - phase_of(key)) % 1)
    assert len(places) == len(NAMES)
    for turns in places.values():
        apart = [later - earlier for earlier, later in pairwise([*sorted(turns), min(turns) + 1])]
        assert apart == pytest.approx([1 / 3] * 3)
    shares = Counter({node: len(probing) for node, probing in found.items()})
    assert sum(shares.values()) == 3 * len(NAMES)
    assert min(shares.values()) > len(NAMES) / 3


class House:
    """The parts of a running node that follow its configuration."""

    def __init__(self, loaded):
        self.loaded = loaded
        config, clock = loaded.config, asyncio.get_running_loop().time
        self.runtime = Runtime(
            Engine(config.local_node, config.nodes, parts.core_services(config), clock()), clock
        )
        self.scheduler = scheduling(self.runtime.on_results)
        self.live = Live(config, Changes(), self.runtime, self.scheduler, {}, lambda: None)
        self.runtime.attach(self.scheduler, {})
        self.scheduler.set_jobs(self.live.jobs())

    async def close(self):
        await self.scheduler.close()
        await self.live.close()


async def test_a_call_is_noted_by_every_node_so_that_a_new_voter_knows_it(loaded):
    house = House(loaded(NODES[0], healthcheck="heartbeat://{}", heartbeat_secret="a secret of the tests"))
    house.live.built.update(parts.providers(house.live.config, None))
    others = [key for key, status in house.runtime.engine.endpoints.items() if not status.voted_here]
    passed = []
    take = heartbeats.taking(house.live.board, house.runtime, passed.append)
    assert take(others[0], "")
    assert passed == [Call(others[0], 0.0)]
    await house.live.apply(house.live.config, Changes())
    assert house.live.board.beats.keys() == {others[0]}
    await house.live.apply(overlay(house.loaded, Changes(), [NODES[0]]), Changes())
    assert EndpointKey(*others[0]) in house.live._probing
    assert house.live.board.beats.keys() == {others[0]}
    await house.close()
