"""Several real daemons on 127.0.0.1, 127.0.0.2 and 127.0.0.3 that watch one service, and a peer played by the test."""

import http.client
import json
import re
import ssl
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from rrdnsd.core.roster import Roster
from rrdnsd.core.votes import electorate_digest
from rrdnsd.peers import wire
from rrdnsd.peers.outbox import Outbox
from support.channel import Words
from support.daemon import NO_ANSWER, PROBING, Daemon, until
from support.names import NAME, ZONE
from support.ports import free_port

SECRET = "a secret of the tests, long enough"
QUICK = {"heartbeat_ms": 200, "vote_ttl_ms": 5000, "takeover_ms": 300, **PROBING}
"""A node that is missed is missed soon, and one that waits for its turn on a busy machine is not missed."""

ALONE = {"takeover_ms": 4000}
"""For tests in which the first in line writes and nobody else: nobody takes over because the machine is busy."""

ENDPOINTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


class Node(Daemon):
    """One node. `tls` is the context with which its own HTTPS is asked."""

    tls = None

    def health(self):
        if self.tls is None:
            return super().health()
        try:
            with urllib.request.urlopen(
                f"https://{self.node}/health", timeout=20, context=self.tls
            ) as answer:
                return json.load(answer)
        except NO_ANSWER:
            return None

    @property
    def cluster(self):
        report = self.health()
        return report["cluster"] if report else {}

    def counts(self, *peers):
        """Whether the ballots of exactly these peers count."""
        return {p["node"] for p in self.cluster.get("peers", ()) if p["counted"]} == {p.node for p in peers}

    def messages(self):
        """How many updates it sent to DNS servers."""
        report = self.health()
        return sum(entry["messages"] for entry in report["dns"]) if report else 0

    def lines(self, text):
        return [line for line in self.log.splitlines() if text in line]


@contextmanager
def starting(folder, **always):
    """Gives what starts a node from a configuration; all of them are stopped at the end, side by side."""
    started = []

    def start(config, **more):
        node = Node(folder, {**always, **config}, **more)
        started.append(node)
        return node.start()

    yield start
    if started:
        with ThreadPoolExecutor(len(started)) as pool:
            list(pool.map(Node.stop, started))


def names(count=3):
    """Addresses and free ports of so many nodes."""
    return [f"127.0.0.{number}:{free_port(f'127.0.0.{number}')}" for number in range(1, count + 1)]


def config(nodes, number, endpoints, server=None, key=None, service=None, **more):
    """The configuration of one of the nodes; it writes to `server`, or serves itself. `endpoints` are asked over HTTP if there are any."""
    made = {
        "local_node": nodes[number],
        "nodes": nodes,
        "cluster_secret": SECRET,
        "services": [
            {
                "fqdn": NAME,
                "zone": ZONE,
                "ttl": 5,
                **({"healthcheck": f"http://{{}}:{endpoints.port}/"} if endpoints else {}),
                "ipaddrs": [*ENDPOINTS],
                **(service or {}),
            }
        ],
        **QUICK,
    }
    if server:
        made |= {
            "update_method": "rfc2136",
            "update_credentials": key.credentials,
            "update_resolvers": [f"{server.host}:{server.port}"],
        }
    return made | more


def agree(*nodes):
    """Wait until the ballots of all of them count everywhere."""
    for node in nodes:
        others = [other for other in nodes if other is not node]
        until(
            lambda node=node, others=others: node.counts(*others), lambda node=node: f"all count:\n{node.log}"
        )


def serves(server, *addresses, nodes=(), **more):
    """Wait until the DNS server has exactly these addresses."""
    until(
        lambda: server.addresses(NAME) == set(addresses),
        lambda: f"{addresses}, not {server.addresses(NAME)}\n" + "\n".join(node.log for node in nodes),
        **more,
    )


def in_line(nodes, subject):
    """The names of nodes in the order in which they write a zone, or tell by a notifier; all of them live."""
    roster = Roster("nobody", nodes, 1.0)
    for peer in roster.peers.values():
        peer.in_step, peer.heard_at = True, 0.0
    return roster.writers(subject, 0.0, abstaining=True)[:-1]


def probed(endpoints, address, times=6):
    """Wait until an endpoint was asked so many times more: whatever is as old is known everywhere by then."""
    before = endpoints.hits(address)
    until(lambda: endpoints.hits(address) >= before + times, f"{times} more probes of {address}")


def budgets(*nodes):
    """The `[budget]` lines of all nodes together."""
    return [line for node in nodes for line in node.lines("[budget]")]


def decided_after(line):
    return float(re.search(r"decided after ([0-9.]+) s", line)[1])


class Impostor:
    """A peer played by the test: it speaks as the node `me` to `peer` by the real message handling."""

    def __init__(self, me, peer, nodes, secret=SECRET, clock=None):
        self.words = Words(electorate=electorate_digest(nodes))
        self.peer = peer
        self.recorded = []
        self.outbox = Outbox(me, peer, secret.encode(), self.words, clock or (lambda: 0.0))

    def post(self, body, mac):
        """Post any bytes; returns status, body and MAC of the answer."""
        connection = http.client.HTTPConnection(self.peer, timeout=60)
        try:
            connection.request("POST", wire.PATH, body, {wire.MAC_HEADER: mac})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader(wire.MAC_HEADER, "")
        finally:
            connection.close()

    def say(self):
        """One message as a real node sends it; returns the status."""
        message = self.outbox.build()
        self.recorded.append(message)
        status, body, mac = self.post(message.body, message.mac)
        if status in {200, 409}:
            self.outbox.confirmed(message, body, mac)
        else:
            self.outbox.lost(message)
        return status


def trusting(ca_file, cert=None):
    """A client's TLS context that trusts one authority and shows a certificate if it has one."""
    context = ssl.create_default_context(cafile=ca_file)
    if cert:
        context.load_cert_chain(*cert)
    return context
