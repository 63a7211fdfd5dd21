"""A whole site in network namespaces: rrdnsd nodes, BIND's named, HTTP endpoints, and one who watches what is served.

Everything is real and has an address of its own; only the network between them is ours.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from support.cluster import in_line
from support.daemon import DEADLINE, until
from support.endpoints_http import Endpoints
from support.names import NAME, ZONE
from support.netns import Host, Network
from support.netns_named import FOREIGN, STRANGERS, NameServer, Watcher
from support.netns_node import NODE_PORT, Node

FAST = {
    "probe_interval_ms": 1500,
    "fast_interval_ms": 100,
    "heartbeat_ms": 300,
    "vote_ttl_ms": 3000,
    "takeover_ms": 500,
    "reconcile_interval_ms": 1000,
}
"""Quick, but not so quick that a node which waits for its turn on a busy machine is missed, or an endpoint found down."""

PATIENT = {"takeover_ms": 4000}
"""For tests in which the first in line writes and nobody else: nobody takes over because the machine is busy."""


@dataclass
class Site:
    """The network and everything in it."""

    network: Network
    server: NameServer
    watcher: Watcher
    web: Host
    http: Endpoints
    addresses: tuple[str, ...]
    nodes: list[Node] = field(default_factory=list)

    @property
    def all(self) -> frozenset[str]:
        """Every endpoint's address."""
        return frozenset(self.addresses)

    def writers_in_order(self) -> list[Node]:
        """Return the nodes in the order in which they write this zone: the first one at once."""
        names = in_line([node.name for node in self.nodes], ZONE)
        return sorted(self.nodes, key=lambda node: names.index(node.name))

    def down(self, address: str) -> None:
        """Let connections to an endpoint be refused."""
        self.web.call(self.http.stop, address)

    def up(self, address: str) -> None:
        self.web.call(self.http.start, address)

    def start(self, *nodes: Node) -> None:
        """Start these nodes, or all, and wait until they agree."""
        for node in nodes or self.nodes:
            node.start()
        self.settle(*nodes)

    def settle(self, *nodes: Node) -> None:
        """Wait until these nodes, or all, count each other and have nothing to complain of."""
        names = {node.name for node in nodes or self.nodes}
        for node in nodes or self.nodes:
            node.until(lambda node: node.agrees(names - {node.name}), "agrees with the others")

    def serves(self, addresses: frozenset[str] | set[str], deadline: float = DEADLINE) -> None:
        """Wait until exactly these addresses of the service are served, and the watcher has seen it."""
        until(
            lambda: self.watcher.served() == self.watcher.seen() == addresses,
            lambda: self.tell(addresses),
            deadline,
        )

    def keeps(self, addresses: frozenset[str] | set[str], seconds: float) -> None:
        """See that exactly these addresses are served, all the time, from now on."""
        until(lambda: self.watcher.seen() == addresses, lambda: self.tell(addresses))
        began = time.monotonic()
        time.sleep(seconds)
        seen = self.watcher.history(began)
        assert seen == [frozenset(addresses)], self.tell(addresses)

    def tell(self, wanted: object) -> str:
        logs = "\n".join(f"--- {node.name}\n{node.log[-6000:]}" for node in self.nodes)
        return f"wanted {wanted}, served is {self.watcher.history()}\n{logs}"

    def check(self) -> None:
        """What must hold at the end of every test."""
        self.watcher.check()
        for node in self.nodes:
            assert "Traceback" not in node.log, node.log
            assert " bug " not in node.log, node.log

    def close(self) -> None:
        self.watcher.close()
        for node in self.nodes:
            node.kill()
        self.server.kill()
        self.web.call(self.http.close)


def build(network: Network, folder: Path, nodes: int = 3, endpoints: int = 3, **config: object) -> Site:
    """Make a site; its nodes are not started yet."""
    web = network.host("web", *range(257, 257 + endpoints))
    http = web.call(Endpoints, *web.addresses)
    records = [f"www 5 IN A {address}" for address in (*web.addresses, FOREIGN)]
    (folder / "named").mkdir()
    server = NameServer(network.host("dns", 1), folder / "named", [*records, *STRANGERS])
    server.start()
    site = Site(network, server, Watcher(network.host("eye", 2), server), web, http, web.addresses)
    hosts = [network.host(f"node{number}", 10 + number) for number in range(1, nodes + 1)]
    shared = {
        **FAST,
        "nodes": [f"{host}:{NODE_PORT}" for host in hosts],
        "cluster_secret": "the nodes' own secret",
        "update_method": "rfc2136",
        "update_credentials": server.key.credentials,
        "update_resolvers": [server.address],
        "services": [service(NAME, http.port, web.addresses)],
        **config,
    }
    site.nodes = [Node(host, shared, folder) for host in hosts]
    return site


def service(name: str, port: int, addresses: tuple[str, ...]) -> dict:
    """The configuration of a service at these endpoints."""
    return {
        "fqdn": name,
        "zone": ZONE,
        "ttl": 5,
        "healthcheck": f"http://{{}}:{port}/",
        "ipaddrs": [*addresses],
    }
