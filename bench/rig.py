"""One mass outage: named, nodes, two nginx, a visitor; what is lost, and what was seen of it from outside.

One nginx answers for the addresses that stay, another for those that are lost; the outage is that other one killed.
named is asked which version of its zones it serves, and the visitor asks one daemon all the time.
"""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import answers, cpu_seconds, free_port, wait_for
from nodes import EMPTY_ZONE, ZONE, Node, Server, anywhere, named, running
from versions import Record, Watcher, addresses

NAMES = 1000
STAY = ("127.2.0.1", "127.2.0.2")
BEFORE, AFTER = 1.0, 5.0
"""Seconds before and after the outage over which the visitor's questions count."""
SETTLE = 3.0
AT_MOST = 190.0
"""Seconds after which no further outage of a case begins."""
PAGE = 1000

NGINX = """
master_process off; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.err crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ {listen} location / {{ return 200 "ok\\n"; }} }}
}}
"""


@dataclass(frozen=True)
class Case:
    """So many nodes that probe every `interval` seconds, and zones; whether all names lose the same address."""

    nodes: int = 1
    zones: int = 1
    shared: bool = True
    interval: float = 1.0

    @property
    def text(self) -> str:
        """As the tables have it."""
        nodes = "one node" if self.nodes == 1 else f"{self.nodes} nodes"
        zones = "one zone" if self.zones == 1 else f"{self.zones} zones"
        lost = "one address" if self.shared else f"{NAMES:,} addresses"
        return f"{nodes}, {zones}, {lost}, probed every {self.interval:g} s"

    @property
    def all_zones(self) -> list[str]:
        """The zones, each with as many names."""
        return [ZONE] if self.zones == 1 else [f"z{number}.{ZONE}" for number in range(self.zones)]

    @property
    def lost(self) -> dict[str, str]:
        """The address that each name loses."""
        return {
            f"s{number}.{self.all_zones[number % self.zones]}": _spread(0 if self.shared else number)
            for number in range(NAMES)
        }


@dataclass
class Found:
    """What the outages of one case came to; all times in seconds.

    Of each name: how long after the outage its verdict came (`detected`), and how long after that it was `out` of named.
    Of each outage: after how long the last was out, the UPDATE messages that named received, and of what share
    of the time after it a node used a core (`cpu`), or its event loop `waited` for one.
    Of each kind of question: how long each answer took. `trouble` tells why there are not as many outages as were asked for.
    """

    detected: list[float] = field(default_factory=list)
    out: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    visits: dict[str, list[float]] = field(default_factory=dict)
    trouble: str = ""


def _spread(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


class Endpoints:
    """Two nginx on one port: `stay` on the addresses that stay, `lost` on all others."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        own = "".join(f"listen {address}:{self.port} reuseport backlog=4096; " for address in STAY)
        for name, listen in (("stay", own), ("lost", f"listen 0.0.0.0:{self.port} reuseport backlog=4096;")):
            text = NGINX.format(folder=folder, name=name, listen=listen)
            (folder / f"{name}.conf").write_text(text)

    @contextmanager
    def serving(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run one of the two until the block ends, or somebody kills it."""
        child = subprocess.Popen(
            ["nginx", "-e", self._folder / f"{name}.err", "-c", self._folder / f"{name}.conf"]
        )
        try:
            address = STAY[0] if name == "stay" else _spread(0)
            wait_for("nginx", lambda: answers(self.port, address))
            yield child
        finally:
            child.kill()
            child.wait()


def config(case: Case, port: int, server: Server) -> Mapping[str, object]:
    services = [
        {
            "fqdn": name,
            "zone": name.partition(".")[2],
            "healthcheck": f"http://{{}}:{port}/",
            "ipaddrs": [address, *STAY],
            "ttl": 60,
        }
        for name, address in case.lost.items()
    ]
    return {
        "probe_interval_ms": round(1000 * case.interval),
        "state_dir": "state",
        **server.settings,
        "services": services,
    }


@contextmanager
def counting(folder: Path, zones: Mapping[str, str]) -> Iterator[tuple[Server, Callable[[], int]]]:
    """Run named with these zones; gives also what tells how many UPDATE messages it has received so far."""
    port = free_port()
    channel = f"statistics-channels {{ inet 127.0.0.1 port {port} allow {{ 127.0.0.1; }}; }};\n"

    def updates() -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/v1/server", timeout=5) as answer:
            return int(json.load(answer)["opcodes"]["UPDATE"])

    with named(folder, zones, channel) as server:
        yield server, updates


@dataclass(frozen=True)
class Rig:
    """All that runs while the outages of a case happen. `updates` tells how many UPDATE messages named has received."""

    case: Case
    server: Server
    updates: Callable[[], int]
    nodes: Sequence[Node]
    visits: Path

    @property
    def lost(self) -> set[Record]:
        """The records that go."""
        return {*self.case.lost.items()}

    def served(self) -> set[Record]:
        """All addresses that named serves."""
        return addresses(self.server.port, self.case.all_zones)

    def settled(self) -> bool:
        """Whether all endpoints are up and served."""
        return all(_up(node) for node in self.nodes) and self.lost < self.served()

    def cpu(self) -> float:
        """CPU seconds of all nodes so far."""
        return sum(cpu_seconds(node.pid) for node in self.nodes)

    def waited(self) -> float:
        """Seconds that the event loops of all nodes were ready to run, and had no core."""
        return sum(
            int(Path(f"/proc/{node.pid}/schedstat").read_text().split()[1]) / 1e9 for node in self.nodes
        )


def measure(case: Case, folder: Path, times: int) -> Found:
    """Let the outage happen so many times, or as often as it can: what goes wrong with one is told, not raised."""
    found = Found()
    try:
        _measure(case, folder, times, found)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it is (`wait_for` exits), other rows are worth having
        found.trouble = f"{error}" if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    if found.trouble:
        print(f"{case.text}, after {len(found.last)} outages: {found.trouble}", file=sys.stderr, flush=True)
    return found


def _measure(case: Case, folder: Path, times: int, found: Found) -> None:
    folder.mkdir()
    endpoints, log, end = Endpoints(folder), folder / "visits.log", time.monotonic() + AT_MOST
    with ExitStack() as stack:
        stack.enter_context(endpoints.serving("stay"))
        zones = dict.fromkeys(case.all_zones, EMPTY_ZONE)
        server, updates = stack.enter_context(counting(folder, zones))
        rig: Rig | None = None
        for _ in range(times):
            if found.last and time.monotonic() > end:
                found.trouble = f"no time for more within {AT_MOST:g} s"
                return
            with endpoints.serving("lost") as lost:
                if rig is None:
                    settings = config(case, endpoints.port, server)
                    nodes = stack.enter_context(running(folder, case.nodes, settings))
                    rig = Rig(case, server, updates, nodes, log)
                    wait_for("the first records", rig.settled, 120)
                    look = Path(__file__).with_name("visitor.py")
                    service = next(iter(case.lost))
                    stack.enter_context(anywhere([sys.executable, look, nodes[0].name, service], log))
                wait_for("all endpoints to be served", rig.settled, 120)
                time.sleep(SETTLE)
                with Watcher(rig.server.port, rig.case.all_zones) as watcher:
                    outage(rig, lost, watcher, found)
            print(f"{case.text}: the last was out after {found.last[-1]:.2f} s", file=sys.stderr, flush=True)


def outage(rig: Rig, lost: "subprocess.Popen[bytes]", watcher: Watcher, found: Found) -> None:
    """Kill what serves the lost endpoints, and gather what becomes of it: all of it, or nothing where anything fails."""
    gone, newest = rig.lost, {node: _newest(node) for node in rig.nodes}
    time.sleep(BEFORE)
    sent, cpu, waited, began = rig.updates(), rig.cpu(), rig.waited(), time.time()
    lost.kill()
    lost.wait()
    time.sleep(AFTER)
    cpu, waited = rig.cpu() - cpu, rig.waited() - waited
    wait_for("the lost endpoints to be out", lambda: not gone & rig.served(), 60)
    messages = rig.updates() - sent
    out = {record: version.seen for version in watcher.stop() for record in version.went & gone}
    verdicts: dict[Record, float] = {}
    for node in rig.nodes:
        for at, record in transitions(node, newest[node]):
            verdicts[record] = min(at, verdicts.get(record, at))
    if unseen := gone - (out.keys() & verdicts.keys()):
        raise SystemExit(
            f"{len(unseen)} of {len(gone)} names went without a verdict or a version that shows it"
        )
    found.cpu.append(cpu / AFTER / len(rig.nodes))
    found.waited.append(waited / AFTER / len(rig.nodes))
    found.messages.append(messages)
    found.detected += [verdicts[record] - began for record in gone]
    found.out += [out[record] - verdicts[record] for record in gone]
    found.last.append(max(out.values()) - began)
    for line in rig.visits.read_text().splitlines():
        sent_at, took, _, what = line.split(maxsplit=3)
        if began - BEFORE <= float(sent_at) <= began + AFTER:
            found.visits.setdefault(what, []).append(float(took) / 1000)


def transitions(node: Node, after: int) -> Iterator[tuple[float, Record]]:
    """Give when each verdict of a node was, after the event with this number."""
    more = True
    while more:
        page = _get(node, f"/api/v1/events?kind=transition&after={after}&limit={PAGE}")
        for event in page["events"]:
            if event["details"]["after"] == "down":
                yield event["at"], (event["service"], event["address"])
            after = event["id"]
        more = page["more"]


def _newest(node: Node) -> int:
    return int(_get(node, "/api/v1/events?limit=1")["events"][0]["id"])


def _up(node: Node) -> bool:
    return bool(node.health()["endpoints"].get("up") == 3 * NAMES)


def _get(node: Node, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{node.name}{path}", timeout=30) as answer:
        return dict(json.load(answer))
