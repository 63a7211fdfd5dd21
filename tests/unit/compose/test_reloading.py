"""A reload comes to what a start with the same file comes to, and a file's removal is a vote of its node."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.compose import parts
from rrdnsd.compose.following import fitting
from rrdnsd.compose.live import Live
from rrdnsd.compose.probing import scheduling
from rrdnsd.config.fixed import needs_restart
from rrdnsd.config.listing import listing, unlisting, waiting
from rrdnsd.config.loader import load_raw
from rrdnsd.config.overlay import withdrawn_endpoints, withdrawn_services
from rrdnsd.core import orders
from rrdnsd.core.engine import Engine
from rrdnsd.core.ledger import Entry, Stamp
from rrdnsd.core.orders import Changes, changes
from rrdnsd.daemon.runtime import Runtime

NODE, PEER, THIRD = NODES = ("127.0.0.1:3333", "127.0.0.2:3333", "127.0.0.3:3333")
ADDRESSES = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1")
NAMES = ("a.example.org", "b.example.org", "c.example.com")

SERVICES = st.fixed_dictionaries(
    {
        "fqdn": st.sampled_from(NAMES),
        "healthcheck": st.sampled_from(["http://{}/", "tcp://{}:22", "https://{}/x"]),
        "ipaddrs": st.lists(st.sampled_from(ADDRESSES), min_size=1, unique=True),
    },
    optional={
        "ttl": st.sampled_from([5, 60]),
        "probe_interval_ms": st.sampled_from([2000, 9000]),
        "provider": st.sampled_from(["default", "second"]),
        "on_remove": st.sampled_from(["keep", "withdraw"]),
        "voters": st.sampled_from([1, 2, 3]),
    },
)
FILES = st.fixed_dictionaries(
    {
        "services": st.lists(SERVICES, min_size=1, max_size=3, unique_by=lambda service: service["fqdn"]),
        "nodes": st.sampled_from([[NODE, PEER], [*NODES]]),
        "on_remove": st.sampled_from(["keep", "withdraw"]),
        "update_resolvers": st.lists(st.sampled_from(["192.0.2.53", "192.0.2.54"]), min_size=1, unique=True),
    },
    optional={
        "mode": st.sampled_from(["active", "shadow"]),
        "max_removals": st.sampled_from([None, {"share": 0.2}]),
        "reconcile_interval_ms": st.sampled_from([5000, 70_000]),
        "takeover_ms": st.sampled_from([300, 2000]),
        "update_timeout_ms": st.sampled_from([1000, 2000]),
        "voters": st.sampled_from([1, 2, 3]),
        "connectivity_check": st.sampled_from([[], ["tcp://192.0.2.9:53"]]),
    },
)
PLACED = {
    "fqdn": "b.example.org",
    "zone": "example.org",
    "healthcheck": "http://{}/api",
    "ipaddrs": ["192.0.2.7"],
}
LEDGERS = st.lists(
    st.sampled_from(
        [
            orders.place_service("b.example.org", PLACED),
            orders.place_endpoint("a.example.org", "192.0.2.8"),
            orders.remove_endpoint("a.example.org", "192.0.2.1", withdraw=True),
            orders.remove_service("c.example.com", withdraw=False),
        ]
    ),
    unique_by=lambda setting: setting.key,
)


def written(folder, content, **more):
    """A file that says this, loaded."""
    made = {
        "local_node": NODE,
        "nodes": [NODE],
        "cluster_secret": "a secret of the tests, long enough",
        "update_method": "rfc2136",
        "update_resolvers": ["192.0.2.53"],
        "providers": {"second": {"update_method": "rfc2136", "update_resolvers": ["192.0.2.55"]}},
        **content,
        **more,
    }
    made["services"] = [
        {"zone": service["fqdn"].partition(".")[2], **service} for service in made["services"]
    ]
    path = folder / "rrdnsd.json"
    path.write_text(json.dumps(made))
    return load_raw(path, {})


def entries(settings_, node=NODE, at=1):
    return [Entry(s.key, Stamp(at, number, node), s.value) for number, s in enumerate(settings_)]


class Running:
    """The parts that follow a configuration, as after a start with a file."""

    def __init__(self, loaded, wanted):
        found = fitting(loaded, wanted, loaded.config.nodes)
        clock = asyncio.get_running_loop().time
        services = parts.core_services(found.config, found.changes)
        self.runtime = Runtime(Engine(NODE, loaded.config.nodes, services, clock()), clock)
        self.scheduler = scheduling(self.runtime.on_results)
        built = parts.providers(found.config, None, found.changes)
        self.live = Live(found.config, found.changes, self.runtime, self.scheduler, built, lambda: None)
        self.runtime.attach(self.scheduler, parts.keepers(found.config, built, self.runtime, found.changes))
        self.scheduler.set_jobs(self.live.jobs())

    def shape(self):
        """What can be told of them that a start decides."""
        return {
            "config": self.live.config,
            "services": dict(self.runtime.engine.services),
            "probes": {key: (p.check, p.place, p.job.interval) for key, p in self.live._probing.items()},
            "jobs": self.scheduler.stats().jobs,
            "keepers": {
                place: [(keeper.server, asdict(keeper._settings)) for keeper in group]
                for place, group in self.runtime.keepers.items()
            },
            "providers": {place: self.live._specs[place[0]].timeout for place in self.runtime.keepers},
        }

    async def close(self):
        await self.scheduler.close()
        await self.live.close()


@settings(max_examples=15, deadline=None)
@given(FILES, FILES, LEDGERS)
def test_a_reload_comes_to_what_a_start_comes_to(before, after, ordered):
    async def compare(folder):
        wanted = changes(entries(ordered))
        running = Running(written(folder, before), wanted)
        loaded = written(folder, after)
        assert needs_restart(running.live.config, loaded.config) == []
        found = fitting(loaded, wanted, loaded.config.nodes)
        kept = dict(running.live._probing)
        await running.live.apply(found.config, found.changes)
        anew = Running(loaded, wanted)
        assert running.shape() == anew.shape()
        for key, made in running.live._probing.items():
            old = kept.get(key)
            same = old and (old.check, old.place, old.job.interval) == (
                made.check,
                made.place,
                made.job.interval,
            )
            assert not same or made.job is old.job
        await running.close()
        await anew.close()

    with TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder)))


def file(folder, *services, **more):
    return written(
        folder, {"services": [{"healthcheck": "http://{}/", **s} for s in services]}, **more
    ).config


A = {"fqdn": "a.example.org", "ipaddrs": ["192.0.2.1", "192.0.2.2"]}
B = {"fqdn": "b.example.org", "ipaddrs": ["192.0.2.3"]}


def withdrawn(config, said):
    services = {gone.fqdn: set(gone.addresses) for gone in withdrawn_services(config, said)}
    return services | {fqdn: set(found) for fqdn, found in withdrawn_endpoints(config, said).items()}


@pytest.mark.parametrize(
    ("old", "new", "more", "gone"),
    [
        ((A, B), (A,), {}, {}),
        ((A, B), (A,), {"on_remove": "withdraw"}, {"b.example.org": {"192.0.2.3"}}),
        ((A, {**B, "on_remove": "withdraw"}), (A,), {}, {"b.example.org": {"192.0.2.3"}}),
        ((A, {**B, "on_remove": "keep"}), (A,), {"on_remove": "withdraw"}, {}),
        (
            (A,),
            ({**A, "ipaddrs": ["192.0.2.2"], "on_remove": "withdraw"},),
            {},
            {"a.example.org": {"192.0.2.1"}},
        ),
        ((A,), ({**A, "ipaddrs": ["192.0.2.2"]},), {}, {}),
        ((A,), ({**A, "provider": "second"},), {"on_remove": "withdraw"}, {}),
    ],
)
def test_what_a_file_lists_no_more(tmp_path, old, new, more, gone):
    before, now = file(tmp_path, *old), file(tmp_path, *new, **more)
    said = changes(entries(unlisting(listing(before), now, Changes(), NODE)))
    assert withdrawn(now, said) == gone
    assert unlisting(listing(now), now, said, NODE) == []


def test_what_is_listed_again_is_taken_back_and_what_is_not_stands(tmp_path):
    both, one = file(tmp_path, A, B), file(tmp_path, B, on_remove="withdraw")
    said = changes(entries(unlisting(listing(both), one, Changes(), NODE)))
    assert withdrawn(one, said) == {"a.example.org": {"192.0.2.1", "192.0.2.2"}}
    less = file(tmp_path, {**A, "ipaddrs": ["192.0.2.2"]}, B)
    (setting,) = unlisting(listing(one), less, said, NODE)
    said = changes(entries([setting], at=2))
    assert withdrawn(less, said) == {"a.example.org": {"192.0.2.1"}}
    (setting,) = unlisting(listing(less), both, said, NODE)
    assert setting.value is None


def test_the_files_of_a_quorum_must_agree(tmp_path):
    old, new = file(tmp_path, A, B, nodes=[*NODES]), file(tmp_path, A, nodes=[*NODES], on_remove="withdraw")

    def said_by(*nodes):
        return changes([e for n in nodes for e in entries(unlisting(listing(old), new, Changes(), n), n)])

    assert withdrawn(new, said_by(NODE)) == {}
    said = "b.example.org: the records 192.0.2.3 stay until the files of 2 of 3 nodes list them no more; so far: "
    assert waiting(new, said_by(NODE)) == [said + NODE]
    assert withdrawn(new, said_by(NODE, THIRD)) == {"b.example.org": {"192.0.2.3"}}
    assert waiting(new, said_by(NODE, THIRD)) == []
    assert withdrawn(new, said_by(NODE, "127.0.0.9:1")) == {}
    assert waiting(new, said_by(THIRD, "127.0.0.9:1")) == [said + THIRD]
    # A node whose own file still names it goes on watching.
    assert withdrawn(old, said_by(NODE, THIRD)) == {}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"heartbeat_ms": 500}, ["heartbeat_ms"]),
        ({"cluster_secret": "another secret, long enough"}, ["cluster_secret"]),
        ({"state_dir": "/elsewhere", "statsd": {}}, ["state_dir", "statsd"]),
        ({"api": {"enabled": False}}, ["api.enabled"]),
        ({"update_method": "builtin", "update_resolvers": []}, ["update_method"]),
        ({"builtin": {"listen": ["127.0.0.1:5353"]}, "mode": "shadow"}, []),
        ({"nodes": [NODE, PEER]}, []),
    ],
)
def test_what_needs_a_restart(tmp_path, more, named):
    assert needs_restart(file(tmp_path, A), file(tmp_path, A, **more)) == named


def test_a_node_alone_without_a_secret_gets_no_peers_by_a_reload(tmp_path):
    alone = file(tmp_path, A, cluster_secret="")
    assert needs_restart(alone, file(tmp_path, A, cluster_secret="", nodes=[NODE, PEER])) == ["nodes"]
