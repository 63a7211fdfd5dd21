"""Starts rrdnsd nodes on 127.0.0.1, 127.0.0.2, ..., as one cluster or alone, and a named for them to write to."""

import base64
import json
import os
import secrets
import socket
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query

from machine import cores, free_port, process, wait_for

RRDNSD = Path(sys.executable).parent / "rrdnsd"
ZONE = "example.test"

NAMED = """
key "bench" {{ algorithm hmac-sha256; secret "{secret}"; }};
options {{
  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify no; max-ixfr-ratio unlimited; max-journal-size unlimited;
}};
controls {{ }};
{more}
"""
NAMED_ZONE = 'zone "{zone}" {{ type primary; file "{zone}.zone"; allow-update {{ key "bench"; }}; }};\n'
EMPTY_ZONE = "$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 5\n@ IN NS ns\nns IN A 192.0.2.53\n"


@dataclass(frozen=True)
class Node:
    """A running daemon."""

    name: str
    pid: int
    log: Path

    def health(self) -> dict[str, Any]:
        """What it tells of itself."""
        with urllib.request.urlopen(f"http://{self.name}/health", timeout=5) as answer:
            return dict(json.load(answer))

    def counts(self, peers: int) -> bool:
        """Whether it answers and the ballots of so many peers count."""
        try:
            return sum(peer["counted"] for peer in self.health()["cluster"]["peers"]) == peers
        except OSError:
            return False


@dataclass(frozen=True)
class Server:
    """A running named."""

    port: int
    secret: str

    @property
    def settings(self) -> Mapping[str, object]:
        """What a configuration needs to write to it."""
        return {
            "update_method": "rfc2136",
            "update_credentials": f"hmac-sha256:bench:{self.secret}",
            "update_resolvers": [f"127.0.0.1:{self.port}"],
        }


@contextmanager
def running(folder: Path, count: int, config: Mapping[str, object]) -> Iterator[list[Node]]:
    """Run a cluster of so many nodes until the block ends."""
    names = [f"127.0.0.{number}:{free_port()}" for number in range(1, count + 1)]
    with ExitStack() as stack:
        nodes = []
        for number, name in enumerate(names):
            path = folder / f"node{number}.json"
            if "state_dir" in config:
                config = {**config, "state_dir": f"state{number}"}
            own = {"local_node": name, "nodes": names, "cluster_secret": "only for this benchmark", **config}
            if "update_method" not in config:
                own["builtin"] = {"listen": [f"127.0.0.{number + 1}:{free_port()}"]}
            path.write_text(json.dumps(own))
            log = path.with_suffix(".log")
            pid = stack.enter_context(anywhere([RRDNSD, "run"], log, {"CONF": str(path)}))
            nodes.append(Node(name, pid, log))
        for node in nodes:
            wait_for(f"{node.name} to hear its peers", lambda node=node: node.counts(count - 1), 60)
        yield nodes


@contextmanager
def anywhere(command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a command on any core until the block ends; gives its pid."""
    with process(command, cores()[0], log, env) as child:
        os.sched_setaffinity(child.pid, os.sched_getaffinity(0))
        yield child.pid


@contextmanager
def named(folder: Path, zones: Mapping[str, str] | None = None, more: str = "") -> Iterator[Server]:
    """Run BIND with these zones, else an empty one, until the block ends; `more` is added to its configuration."""
    made = Server(free_port(), base64.b64encode(secrets.token_bytes(32)).decode())
    for zone, text in (zones or {ZONE: EMPTY_ZONE}).items():
        (folder / f"{zone}.zone").write_text(text)
        more += NAMED_ZONE.format(zone=zone)
    conf = folder / "named.conf"
    conf.write_text(NAMED.format(folder=folder, port=made.port, secret=made.secret, more=more))
    with anywhere(["named", "-g", "-c", conf], folder / "named.log"):
        wait_for("named", lambda: _answers(made.port, next(iter(zones or [ZONE]))))
        yield made


class Resolver:
    """Asks a DNS server for the addresses of one name as fast as it can answer."""

    def __init__(self, port: int, name: str) -> None:
        self._query = dns.message.make_query(name, "A", flags=0).to_wire()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.settimeout(1)
        self._sock.connect(("127.0.0.1", port))

    def serves(self, address: str) -> bool:
        """Whether the answer holds the address."""
        try:
            self._sock.send(self._query)
            return socket.inet_aton(address) in self._sock.recv(4096)[len(self._query) :]
        except OSError:
            return False


def _answers(port: int, zone: str) -> bool:
    query = dns.message.make_query(zone, "SOA", flags=0)
    try:
        return bool(dns.query.udp(query, "127.0.0.1", timeout=0.2, port=port).answer)
    except (OSError, dns.exception.DNSException):
        return False
