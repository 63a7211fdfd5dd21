"""Three nodes, named and the endpoints, each on a host of its own, and one who looks. Needs root."""

import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

from soak.bounds import SETTINGS
from soak.kinds import ADDRESSES, NODES, SERVICES
from support.names import ZONE
from support.netns import Host, Network
from support.netns_named import DNS_PORT, FOREIGN, STRANGERS, NameServer
from support.netns_node import NODE_PORT, Node
from support.small_disk import small_disk

PORT = 8080
DISK = "8m"
PATIENCE = 20.0


@dataclass
class World:
    """`eye` is the host of the observer, and `hand` one who changes the zone from there."""

    network: Network
    server: NameServer
    eye: Host
    hand: Host
    nodes: dict[str, Node]
    disks: dict[str, Path]
    folder: Path
    web: subprocess.Popen = field(repr=False)

    def endpoint(self, address, state):
        """Let an endpoint be `well`, `closed`, `slow` or `failing` from now on."""
        self.web.stdin.write(f"{address} {state}\n")
        self.web.stdin.flush()
        if self.web.stdout.readline() != "done\n":
            raise RuntimeError("the endpoints' process has ended")

    def pids(self):
        """Return the processes on whose pace everything depends, by name; those that do not run are left out."""
        found = {name: node.process.pid for name, node in self.nodes.items() if node.process}
        return found | {"web": self.web.pid}

    def remove_by_hand(self, address, service):
        """Delete an address from DNS as an administrator would."""
        key = self.server.key
        ring = dns.tsigkeyring.from_text({key.name: key.secret})
        change = dns.update.UpdateMessage(ZONE, keyring=ring, keyalgorithm=key.algorithm)
        change.delete(f"{service}.{ZONE}.", "A", address)
        reply = self.hand.call(dns.query.tcp, change, str(self.server.host), PATIENCE, DNS_PORT)
        if reply.rcode() != dns.rcode.NOERROR:
            raise RuntimeError(f"named refused what was changed by hand: {reply}")

    def dig(self, service):
        """Ask with dig, as an operator would: the addresses, sorted."""
        words = ("dig", "+short", "+tries=3", f"@{self.server.host}", f"{service}.{ZONE}", "A")
        done = subprocess.run(
            self.hand.command(*words), capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return sorted(done.stdout.split())


@contextmanager
def building(folder):
    """Give a world whose nodes are not started yet; at the end everything of it is gone but its logs."""
    with ExitStack() as last:
        network = last.enter_context(Network())
        site = network.host("web", *(257 + number for number in range(len(ADDRESSES))))
        named = folder / "named"
        named.mkdir()
        records = [f"{name} 5 IN A {address}" for name, all_ in SERVICES.items() for address in all_]
        server = NameServer(network.host("dns", 1), named, [*records, f"www 5 IN A {FOREIGN}", *STRANGERS])
        eye = network.host("eye", 2)
        hand = Host("hand", eye.namespace, eye.addresses)
        disks = {name: last.enter_context(small_disk(folder / f"{name}-state", DISK)) for name in NODES}
        hosts = {name: network.host(name, 10 + number) for number, name in enumerate(NODES, 1)}
        shared = _config(server, [f"{host}:{NODE_PORT}" for host in hosts.values()])
        nodes = {
            name: Node(host, {**shared, "state_dir": str(disks[name])}, folder)
            for name, host in hosts.items()
        }
        web = last.enter_context(_endpoints(site, folder / "web.log"))
        last.callback(_stop, server, nodes)
        server.start()
        yield World(network, server, eye, hand, nodes, disks, folder, web)


def _config(server, names):
    return {
        **SETTINGS,
        "nodes": names,
        "cluster_secret": "the secret of the soak's nodes",
        "update_method": "rfc2136",
        "update_credentials": server.key.credentials,
        "update_resolvers": [server.address],
        "services": [
            {
                "fqdn": f"{name}.{ZONE}",
                "zone": ZONE,
                "ttl": 5,
                "healthcheck": f"http://{{}}:{PORT}/",
                "ipaddrs": [*addresses],
            }
            for name, addresses in SERVICES.items()
        ],
    }


@contextmanager
def _endpoints(site, log):
    command = site.command(sys.executable, Path(__file__).with_name("web.py"), PORT, *ADDRESSES)
    pipe = subprocess.PIPE
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True) as web,
    ):
        try:
            if web.stdout.readline() != "done\n":
                raise RuntimeError(f"the endpoints do not start: {log.read_text()}")
            yield web
        finally:
            web.kill()


def _stop(server, nodes):
    for node in nodes.values():
        node.kill()
    server.kill()
