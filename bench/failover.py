"""Measures failover: from the moment an endpoint's port is closed until the DNS server no longer serves it.

Endpoints are killed one after the other at random phases of the probe interval; between two kills the dead one is
started again and comes back into DNS. rrdnsd writes to a real named, which is asked without pause. gdnsd answers
DNS itself and is asked in the same way; HAProxy tells on its statistics socket what it believes.
"""

import argparse
import random
import re
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from machine import facts, free_port, wait_for
from nodes import ZONE, Node, Resolver, anywhere, named, running
from report import machine_line, table, write_section

NAME = f"www.{ZONE}"
ADDRESSES = [f"127.0.0.{number}" for number in range(11, 15)]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
PAUSE = 0.001
INTERVAL = 1.0
Serves = Callable[[str], bool]


class Endpoints:
    """HTTP servers on one port of several addresses; a stopped one refuses connections."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.port = free_port()
        self._listeners: dict[str, socket.socket] = {}
        for address in addresses:
            self.start(address)

    def start(self, address: str) -> None:
        listener = socket.create_server((address, self.port), backlog=64)
        self._listeners[address] = listener
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()

    def stop(self, address: str) -> float:
        """Refuse connections from now on; returns the time."""
        now = time.monotonic()
        listener = self._listeners.pop(address)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        return now

    def close(self) -> None:
        for address in [*self._listeners]:
            self.stop(address)


def _serve(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(1)
                connection.recv(4096)
                connection.sendall(ANSWER)


def kill(endpoints: Endpoints, serves: Serves, times: int, interval: float = INTERVAL) -> list[float]:
    """Kill an endpoint so many times; returns how long each was still served, in seconds, in order of length.

    What is measured probes every `interval` seconds: a pause that is random over as long makes the phase random.
    """
    took = []
    for number in range(times):
        address = ADDRESSES[number % len(ADDRESSES)]
        wait_for("all endpoints to be served", lambda: all(map(serves, ADDRESSES)), 60)
        time.sleep(random.uniform(interval, 2 * interval))
        began = endpoints.stop(address)
        while serves(address):
            time.sleep(PAUSE)
        took.append(time.monotonic() - began)
        endpoints.start(address)
    return sorted(took)


def rrdnsd(folder: Path, endpoints: Endpoints, count: int, times: int) -> tuple[list[float], list[Node]]:
    """A cluster of so many nodes, or one alone, that writes to named."""
    folder.mkdir()
    with named(folder) as server:
        config = {
            "probe_interval_ms": round(1000 * INTERVAL),
            "fall": 2,
            **server.settings,
            "services": [
                {
                    "fqdn": NAME,
                    "zone": ZONE,
                    "healthcheck": f"http://{{}}:{endpoints.port}/",
                    "ipaddrs": ADDRESSES,
                    "ttl": 5,
                }
            ],
        }
        resolver = Resolver(server.port, NAME)
        with running(folder, count, config) as nodes:
            return kill(endpoints, resolver.serves, times), nodes


@contextmanager
def haproxy(folder: Path, port: int, check: str) -> Iterator[Serves]:
    """HAProxy with this way of checking; gives what it believes."""
    folder.mkdir()
    lines = [
        "global",
        "  nbthread 1",
        f"  stats socket {folder}/haproxy.sock",
        "defaults",
        "  mode http",
        "  timeout connect 2s",
        "  timeout client 5s",
        "  timeout server 5s",
        "backend web",
        "  option httpchk",
        f"  http-check send meth GET uri / ver HTTP/1.1 hdr Host {NAME} hdr Connection close",
    ]
    lines += [f"  server {address} {address}:{port} check {check}" for address in ADDRESSES]
    (folder / "haproxy.cfg").write_text("\n".join(lines) + "\n")
    with anywhere(["haproxy", "-db", "-f", folder / "haproxy.cfg"], folder / "haproxy.log"):
        wait_for("HAProxy", (folder / "haproxy.sock").exists)
        yield lambda address: _haproxy_believes(folder / "haproxy.sock", address)


def _haproxy_believes(path: Path, address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"show servers state web\n")
        text = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
    (state,) = [line.split()[5] for line in text.splitlines() if line.split()[3:4] == [address]]
    return state == "2"


@contextmanager
def gdnsd(folder: Path, port: int) -> Iterator[Serves]:
    """gdnsd at its shortest interval and its lowest threshold; gives what it answers."""
    (folder / "zones").mkdir(parents=True)
    dns_port = free_port()
    group = ", ".join(f"a{number} => {address}" for number, address in enumerate(ADDRESSES))
    (folder / "config").write_text(
        f"options => {{ listen => 127.0.0.1:{dns_port}, run_dir => {folder}/run, state_dir => {folder}/state }}\n"
        f"service_types => {{ web => {{ plugin => http_status, port => {port}, vhost => {NAME}, interval => 2,"
        " timeout => 1, down_thresh => 1, up_thresh => 1, ok_thresh => 1 } }\n"
        f"plugins => {{ multifo => {{ web => {{ up_thresh => 0.1, service_types => web, {group} }} }} }}\n"
    )
    (folder / "zones" / ZONE).write_text(
        "@ SOA ns hostmaster 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww 5 DYNA multifo!web\n"
    )
    with anywhere(["gdnsd", "-c", folder, "start"], folder / "gdnsd.log"):
        yield Resolver(dns_port, NAME).serves


def steps(nodes: Sequence[Node]) -> Mapping[str, float]:
    """Medians of what the nodes say of the way of a removal, in seconds after its first sign."""
    found: dict[str, list[float]] = {}
    for node in nodes:
        for line in node.log.read_text().splitlines():
            if "[budget]" in line and " down: " in line:
                for step, seconds in re.findall(r"(decided|written|visible)[^,]*? after ([0-9.]+) s", line):
                    found.setdefault(step, []).append(float(seconds))
    return {step: statistics.median(values) for step, values in found.items()}


def share(took: Sequence[float], part: float) -> float:
    return took[min(int(part * len(took)), len(took) - 1)]


def render(rows: Mapping[str, Sequence[float]], way: Mapping[str, float]) -> str:
    head = ("who", "kills", "median", "99th percentile", "longest")
    cells = [
        (name, len(took), *(f"{share(took, part):.2f} s" for part in (0.5, 0.99, 1)))
        for name, took in rows.items()
    ]
    intro = (
        "From the moment an endpoint's port is closed (connections are refused) until it is no longer served."
        " rrdnsd probes every second with `fall` 2 and the default `fast_interval_ms`, and writes to a real named,"
        " which is asked without pause. Everything runs on loopback of one machine, so what distance costs comes on"
        " top: a way between two nodes, and one to the DNS server."
    )
    known = facts()
    shown = {name: known[name] for name in ("date", "CPU", "kernel", "Python", "HAProxy", "gdnsd")}
    times = "; ".join(f"{step} after {1000 * seconds:.0f} ms" for step, seconds in way.items())
    outro = (
        f"On the way of a removal by three nodes, medians from the first failed probe on: {times}. The rest of the"
        " time goes by until some node's next probe."
    )
    return "\n\n".join(
        [
            "## Failover",
            machine_line(shown),
            intro,
            table(head, cells),
            outro,
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 kills each instead of 100 (others 50)")
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/performance.md as it is")
    parser.add_argument("--only-rrdnsd", action="store_true", help="leave the others out")
    options = parser.parse_args()
    many, fewer = (10, 10) if options.quick else (100, 50)
    rows: dict[str, Sequence[float]] = {}

    def note(name: str, took: Sequence[float]) -> None:
        rows[name] = took
        print(f"{name}: median {share(took, 0.5):.3f} s, 99 % {share(took, 0.99):.3f} s", flush=True)

    with tempfile.TemporaryDirectory(prefix="rrdnsd-bench-") as name:
        folder, endpoints = Path(name), Endpoints(ADDRESSES)
        took, nodes = rrdnsd(folder / "three", endpoints, 3, many)
        way = steps(nodes)
        note("rrdnsd, three nodes", took)
        note("rrdnsd, one node", rrdnsd(folder / "one", endpoints, 1, fewer)[0])
        if not options.only_rrdnsd:
            alike = "inter 1s fastinter 100ms fall 2 rise 2"
            with haproxy(folder / "alike", endpoints.port, alike) as serves:
                note(f"HAProxy, `{alike}` (detection only)", kill(endpoints, serves, fewer))
            with haproxy(folder / "fast", endpoints.port, "inter 1s fall 1 rise 1") as serves:
                note("HAProxy, `inter 1s fall 1` (detection only)", kill(endpoints, serves, fewer))
            with gdnsd(folder / "gdnsd", endpoints.port) as serves:
                note(
                    "gdnsd, `interval` 2 s (its shortest), `down_thresh` 1",
                    kill(endpoints, serves, fewer, 2.0),
                )
        endpoints.close()
    text = render(rows, way)
    print(f"\n{text}")
    if not options.dry:
        write_section("failover", text)


if __name__ == "__main__":
    main()
