"""A daemon's view without a daemon: a real engine, a real ledger and keepers that were told what they have read."""

import json
from dataclasses import replace
from types import SimpleNamespace

from rrdnsd.compose import parts
from rrdnsd.config.loader import load_raw
from rrdnsd.config.overlay import overlay
from rrdnsd.core.engine import Engine
from rrdnsd.core.events import Heard, Ordered, Probed, Ticked
from rrdnsd.core.ledger import Entry, Ledger
from rrdnsd.core.model import EndpointKey, ProbeResult, RRset, RRsetKey, State, Timings
from rrdnsd.core.orders import overrides
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes, Span, Statement, VoteTable, electorate_digest
from rrdnsd.daemon.absence import Gone
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.keeping import KeeperStatus
from rrdnsd.daemon.scheduler import Stats
from support.names import NAME, ZONE

ME = "10.0.0.1:3333"
NODES = (ME, "10.0.0.2:3333", "10.0.0.3:3333")
ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
WALL = 1_790_000_000.0
"""2026-09-21 14:13:20 UTC."""
START = 1000.0


class Keeper:
    """A server that was seen to serve some addresses."""

    server = "default 192.0.2.53:53"
    zone = ZONE

    def __init__(self, *addresses, ttl=60, read_at=START, gone=()):
        self.status = KeeperStatus()
        self.served = {RRsetKey(NAME, "A"): RRset(ttl, frozenset(addresses))} if addresses else {}
        self.read_at = {} if read_at is None else {NAME: read_at}
        self.gone = dict(gone)

    def gone_at(self, _name, address):
        return Gone(*self.gone[address]) if address in self.gone else None

    def proposal(self, _name):
        return None


class Stage:
    """Plays what happens to an engine, and looks at it."""

    def __init__(self, tmp_path, *, nodes=(ME,), service=None, keepers=None, method="rfc2136", **more):
        path = tmp_path / "rrdnsd.json"
        config = {
            "local_node": ME,
            "nodes": list(nodes),
            "update_method": method,
            "cluster_secret": "a secret of the tests",
            "services": [
                {
                    "fqdn": NAME,
                    "zone": ZONE,
                    "healthcheck": "http://{}/",
                    "ipaddrs": [ONE, TWO, THREE],
                    **(service or {}),
                }
            ],
            **({"update_resolvers": ["192.0.2.53"]} if method == "rfc2136" else {}),
            **more,
        }
        path.write_text(json.dumps(config))
        self.loaded = load_raw(path, {})
        self.now = START
        self.ledger = Ledger()
        self.engine = Engine(ME, tuple(nodes), parts.core_services(self.loaded.config), self.now)
        self.keepers = [Keeper(ONE, TWO, THREE)] if keepers is None else keepers
        self.confirmed = {}

    def handle(self, event):
        return self.engine.handle(event, self.now)

    def probe(self, address, ok=True, times=2, reason="connection refused"):
        for _ in range(times):
            self.handle(
                Probed([(EndpointKey(NAME, address), ProbeResult(ok, "" if ok else reason, Timings(0.003)))])
            )
        return self

    def all_up(self):
        for endpoint in self.engine.services[NAME].endpoints:
            self.probe(endpoint.address)
        return self

    def hear(self, node, nodes, **states):
        """A peer states its whole table: states by the last number of the address, as in n1="up"."""
        ballots = {
            f"192.0.2.{name[1:]}": Ballot(State(state), "timeout" if state == "down" else "")
            for name, state in states.items()
        }
        table = VoteTable()
        votes = ServiceVotes(NAME, self.engine.services[NAME].definition, ballots)
        table.put(votes)
        self.handle(
            Heard(Statement(node, self.now, electorate_digest(nodes), table.digest, (votes,), Span()))
        )
        return self

    def order(self, setting, who="ann", why=""):
        self.ledger.merge(
            [Entry(setting.key, self.ledger.stamp(ME, int(self.wall * 1000)), setting.value, who, why)]
        )
        self.handle(Ordered(overrides(self.ledger, self.wall, self.now)))
        return self

    def later(self, seconds):
        self.now += seconds
        self.handle(Ticked())
        return self

    @property
    def wall(self):
        return WALL + self.now - START

    def scene(self, **more):
        runtime = SimpleNamespace(
            engine=self.engine, keepers={("default", ZONE): self.keepers}, counts=lambda: {State.UP: 3}
        )
        scene = Scene(
            config=self.loaded.config,
            runtime=runtime,
            ledger=self.ledger,
            stats=Stats(3, 0, 3, 0, 0, 0.0, 0.0, 0.0, 0.0),
            refused={},
            trial=lambda wanted, about="", nodes=None: overlay(self.loaded, wanted, nodes, about),
            now=self.now,
            wall=self.wall,
            began=START,
            confirmed=self.confirmed,
        )
        return replace(scene, **more)
