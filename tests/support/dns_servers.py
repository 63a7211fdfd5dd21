"""Starts BIND, Knot and PowerDNS by hand: no root services, loopback only, free ports, data in a given folder.

A server is ready when it answers the SOA of its first zone. Zones are given as text of records; `zone()` adds the
SOA and NS. Updates are allowed with one key, or to anyone on loopback, or not at all.
"""

import base64
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype

from support.ports import free_port, loopbacks
from support.process import Process, descendants, start, wait_until

PDNS_SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")


@dataclass(frozen=True)
class Key:
    """A TSIG key of a test."""

    name: str = "rrkey"
    algorithm: str = "hmac-sha256"
    secret: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())

    @property
    def credentials(self) -> str:
        """As `update_credentials` takes it."""
        return f"{self.algorithm}:{self.name}:{self.secret}"


@dataclass(frozen=True)
class Setup:
    """What a server shall serve. The keys `allowed` may update, or anyone (`open_to_all`), or no one.

    `strangers` are keys the server knows but gives no right to update. `idle` is after how many seconds it
    closes an idle TCP connection (None: its own default). With `api_key`, PowerDNS opens its HTTP API. With
    `transfer_by_key`, BIND and Knot let the keys `allowed` transfer the zones, and nobody else.
    """

    zones: Mapping[str, str]
    allowed: tuple[Key, ...] = ()
    open_to_all: bool = False
    strangers: tuple[Key, ...] = ()
    idle: int | None = None
    api_key: str = ""
    transfer_by_key: bool = False

    @property
    def keys(self) -> tuple[Key, ...]:
        return (*self.allowed, *self.strangers)


@dataclass
class DnsServer:
    """A running server: host, port, and how to stop it and to start it again on the same port."""

    kind: str
    port: int
    zone_names: tuple[str, ...]
    launch: Callable[[], Process]
    process: Process | None = None
    host: str = "127.0.0.1"
    api: str = ""
    folder: Path = Path()
    family: int = 0
    """How many processes it has started when it is not about to replace some of them; 0: it never does."""

    def start(self) -> None:
        self.process = self.launch()

    def stop(self) -> None:
        if self.process:
            self.process.stop()
            self.process = None

    def kill(self) -> None:
        """SIGKILL: as after a crash."""
        if self.process:
            self.process.kill()
            self.process = None

    def ask(self, name: str, rtype: str, host: str | None = None) -> dns.message.Message:
        """One query. While NSD replaces its processes those of before a reload take connections, too: their end is awaited."""
        running = self.process
        if running and self.family:
            wait_until(
                lambda: len(descendants(running.pid)) == self.family,
                60,
                lambda: f"{self.kind} still replaces its processes",
            )
        return ask(host or self.host, self.port, name, rtype)

    def addresses(self, name: str, rtype: str = "A") -> set[str]:
        """What is served for the name; empty when there is nothing of this type."""
        wanted = dns.rdatatype.from_text(rtype)
        return {r.address for rrset in self.ask(name, rtype).answer if rrset.rdtype == wanted for r in rrset}

    def ttl(self, name: str, rtype: str = "A") -> int:
        return self.ask(name, rtype).answer[0].ttl

    def serial(self, zone: str) -> int:
        return self.ask(zone, "SOA").answer[0][0].serial


def ask(host: str, port: int, name: str, rtype: str, timeout: float = 20.0) -> dns.message.Message:
    """One plain query over TCP, as any client would send it."""
    query = dns.message.make_query(name, rtype, flags=0)
    return dns.query.tcp(query, host, timeout=timeout, port=port)


def answers_soa(host: str, port: int, zone: str) -> bool:
    """Whether the server is up and serves the zone with authority."""
    query = dns.message.make_query(zone, "SOA", flags=0)
    try:
        answer = dns.query.udp(query, host, timeout=0.05, port=port)
    except (OSError, dns.exception.DNSException):
        return False
    return bool(answer.answer) and bool(answer.flags & dns.flags.AA)


def zone(origin: str, *records: str) -> str:
    """The text of a zone: SOA (serial 1), NS, and the records, with names relative to the origin."""
    head = [
        f"$ORIGIN {origin}.",
        "$TTL 300",
        "@ IN SOA ns hostmaster 1 3600 600 86400 5",
        "@ IN NS ns",
        "ns IN A 192.0.2.53",
    ]
    return "\n".join([*head, *records, ""])


def start_named(folder: Path, setup: Setup) -> DnsServer:
    """BIND's named."""
    port = free_port()
    for name, text in setup.zones.items():
        (folder / f"{name}.zone").write_text(text)
    conf = folder / "named.conf"
    conf.write_text(_named_conf(folder, port, setup))
    return _started("named", port, setup, ["named", "-g", "-c", conf], folder)


@contextmanager
def named_in(folder: Path, setup: Setup) -> Iterator[DnsServer]:
    """BIND's named, with a new folder; stopped at the end."""
    folder.mkdir()
    server = start_named(folder, setup)
    yield server
    server.stop()


def start_knotd(folder: Path, setup: Setup) -> DnsServer:
    """Knot DNS."""
    port = free_port()
    shutil.rmtree(folder / "db", ignore_errors=True)
    for name in ("db", "run"):
        (folder / name).mkdir(exist_ok=True)
    for name, text in setup.zones.items():
        (folder / f"{name}.zone").write_text(text)
    conf = folder / "knot.conf"
    conf.write_text(_knot_conf(folder, port, setup))
    return _started("knotd", port, setup, ["knotd", "-c", conf], folder)


def start_pdns(folder: Path, setup: Setup) -> DnsServer:
    """PowerDNS with its SQLite backend."""
    port = free_port()
    database = folder / "pdns.sqlite3"
    with sqlite3.connect(database) as connection:
        connection.executescript(PDNS_SCHEMA.read_text())
    connection.close()
    api_port = free_port("127.0.0.1") if setup.api_key else 0
    (folder / "pdns.conf").write_text(_pdns_conf(folder, port, setup, api_port))

    def util(*words: str) -> None:
        subprocess.run(["pdnsutil", f"--config-dir={folder}", *words], check=True, capture_output=True)

    for key in setup.keys:
        util("import-tsig-key", key.name, key.algorithm, key.secret)
    for name, text in setup.zones.items():
        (folder / f"{name}.zone").write_text(text)
        util("load-zone", name, str(folder / f"{name}.zone"))
        util("set-meta", name, "SOA-EDIT-DNSUPDATE", "INCREASE")
        util("set-meta", name, "SOA-EDIT-API", "INCREASE")
        if setup.allowed or setup.open_to_all:
            util("set-meta", name, "ALLOW-DNSUPDATE-FROM", "127.0.0.0/8", "::1/128")
        if setup.allowed:
            util("set-meta", name, "TSIG-ALLOW-DNSUPDATE", *(key.name for key in setup.allowed))
    server = _started("pdns", port, setup, ["pdns_server", f"--config-dir={folder}"], folder)
    server.api = f"http://127.0.0.1:{api_port}" if api_port else ""
    server.folder = folder
    return server


STARTERS: Mapping[str, Callable[[Path, Setup], DnsServer]] = {
    "named": start_named,
    "knotd": start_knotd,
    "pdns": start_pdns,
}


def _started(kind: str, port: int, setup: Setup, command: list[str | Path], folder: Path) -> DnsServer:
    names = tuple(setup.zones)

    def launch() -> Process:
        return start(command, folder / f"{kind}.log", lambda: answers_soa("127.0.0.1", port, names[0]))

    server = DnsServer(kind, port, names, launch)
    server.start()
    return server


def _named_conf(folder: Path, port: int, setup: Setup) -> str:
    keys = "".join(
        f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};\n' for key in setup.keys
    )
    who = " ".join(f'key "{key.name}";' for key in setup.allowed) or (
        "any;" if setup.open_to_all else "none;"
    )
    zones = "".join(
        f'zone "{name}" {{ type primary; file "{name}.zone"; allow-update {{ {who} }}; }};\n'
        for name in setup.zones
    )
    v6 = f"listen-on-v6 port {port} {{ ::1; }};" if "::1" in loopbacks() else "listen-on-v6 { none; };"
    return f"""{keys}
options {{
  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; {v6}
  recursion no; dnssec-validation no; notify no;
  {f"tcp-idle-timeout {setup.idle * 10};" if setup.idle else ""}
  {f"allow-transfer {{ {who} }};" if setup.transfer_by_key else ""}
}};
controls {{ }};
{zones}"""


def _knot_conf(folder: Path, port: int, setup: Setup) -> str:
    listen = ", ".join(f"{address}@{port}" for address in loopbacks())
    keys = "".join(
        f"  - id: {key.name}\n    algorithm: {key.algorithm}\n    secret: {key.secret}\n"
        for key in setup.keys
    )
    names = ", ".join(key.name for key in setup.allowed)
    who = f"    key: [{names}]\n" if names else "    address: [127.0.0.0/8, ::1]\n"
    allowed = bool(names or setup.open_to_all)
    action = "[update, transfer]" if setup.transfer_by_key else "update"
    acl = f"acl:\n  - id: updates\n{who}    action: {action}\n" if allowed else ""
    zones = "".join(f"  - domain: {name}\n{'    acl: updates' if allowed else ''}\n" for name in setup.zones)
    return f"""server:
    rundir: {folder}/run
    listen: [{listen}]
{f"    tcp-idle-timeout: {setup.idle}" if setup.idle else ""}
database:
    storage: {folder}/db
{"key:" if keys else ""}
{keys}
{acl}
template:
  - id: default
    storage: {folder}
    file: "%s.zone"
zone:
{zones}"""


def _pdns_conf(folder: Path, port: int, setup: Setup, api_port: int) -> str:
    api = f"""webserver=yes
webserver-address=127.0.0.1
webserver-port={api_port}
webserver-allow-from=127.0.0.0/8
api=yes
api-key={setup.api_key}
"""
    return f"""{api if api_port else ""}launch=gsqlite3
gsqlite3-database={folder}/pdns.sqlite3
gsqlite3-pragma-synchronous=1
local-address={", ".join(loopbacks())}
local-port={port}
socket-dir={folder}
daemon=no
guardian=no
disable-syslog=yes
write-pid=no
dnsupdate=yes
allow-dnsupdate-from=
{f"tcp-idle-timeout={setup.idle}" if setup.idle else ""}
"""
