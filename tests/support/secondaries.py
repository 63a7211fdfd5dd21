"""Starts real NSD, Unbound, BIND and Knot as secondaries of a zone on loopback, data in a given folder.

The configurations are the ones that docs/builtin-dns.md shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from support.dns_servers import Key
from support.process import Process, start


@dataclass(frozen=True)
class Feed:
    """From which primary a secondary gets which zone, and on which port of 127.0.0.1 each of them listens.

    NSD can be given further primaries, by their ports.
    """

    zone: str
    primary_port: int
    port: int
    key: Key | None = None
    more: tuple[int, ...] = ()


@dataclass
class Secondary:
    """A running secondary."""

    kind: str
    feed: Feed
    process: Process

    def stop(self) -> None:
        self.process.stop()

    def addresses(self, name: str, rtype: str = "A") -> set[str] | None:
        """What it serves for the name; None while it serves nothing of the zone, or does not answer."""
        answer = _ask(self.feed.port, name, rtype, 5.0)
        if answer is None or answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            return None
        wanted = dns.rdatatype.from_text(rtype)
        return {r.address for rrset in answer.answer if rrset.rdtype == wanted for r in rrset}

    def serial(self) -> int:
        """The serial of its copy of the zone; 0 while it has none."""
        answer = _ask(self.feed.port, self.feed.zone, "SOA", 5.0)
        return answer.answer[0][0].serial if answer and answer.answer else 0


def start_nsd(folder: Path, feed: Feed) -> Secondary:
    key = feed.key.name if feed.key else "NOKEY"
    keys = ""
    if feed.key:
        keys = f"""key:
  name: {feed.key.name}
  algorithm: {feed.key.algorithm}
  secret: "{feed.key.secret}"
"""
    primaries = "\n".join(
        f"  request-xfr: 127.0.0.1@{port} {key}" for port in (feed.primary_port, *feed.more)
    )
    conf = f"""server:
  ip-address: 127.0.0.1@{feed.port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
{keys}
zone:
  name: {feed.zone}
  zonefile: "{feed.zone}.zone"
  allow-notify: 127.0.0.1 {key}
{primaries}
"""
    return _started("nsd", folder, feed, conf, ["nsd", "-d", "-c"])


def start_unbound(folder: Path, feed: Feed) -> Secondary:
    """Unbound, which knows no TSIG: its primary must allow it by address."""
    conf = f"""server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1@{feed.port}
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
remote-control:
  control-enable: no
auth-zone:
  name: {feed.zone}
  zonefile: "{feed.zone}.zone"
  primary: 127.0.0.1@{feed.primary_port}
  allow-notify: 127.0.0.1
  for-downstream: yes
  for-upstream: yes
  fallback-enabled: no
"""
    return _started("unbound", folder, feed, conf, ["unbound", "-d", "-p", "-c"])


def start_named(folder: Path, feed: Feed) -> Secondary:
    keys = ""
    if feed.key:
        keys = f'key "{feed.key.name}" {{ algorithm {feed.key.algorithm}; secret "{feed.key.secret}"; }};'
    use = f'key "{feed.key.name}"' if feed.key else ""
    conf = f"""{keys}
options {{
  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on port {feed.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify no;
}};
controls {{ }};
zone "{feed.zone}" {{
  type secondary;
  file "{feed.zone}.zone";
  primaries {{ 127.0.0.1 port {feed.primary_port} {use}; }};
}};
"""
    return _started("named", folder, feed, conf, ["named", "-g", "-c"])


def start_knotd(folder: Path, feed: Feed) -> Secondary:
    use = f"    key: {feed.key.name}\n" if feed.key else ""
    keys = ""
    if feed.key:
        keys = f"""key:
  - id: {feed.key.name}
    algorithm: {feed.key.algorithm}
    secret: {feed.key.secret}
"""
    for name in ("run", "db"):
        (folder / name).mkdir(exist_ok=True)
    conf = f"""server:
    rundir: {folder}/run
    listen: 127.0.0.1@{feed.port}
database:
    storage: {folder}/db
{keys}
remote:
  - id: rrdnsd
    address: 127.0.0.1@{feed.primary_port}
{use}
acl:
  - id: from-rrdnsd
    address: 127.0.0.1
    action: notify
{use}
zone:
  - domain: {feed.zone}
    storage: {folder}
    master: rrdnsd
    acl: from-rrdnsd
"""
    return _started("knotd", folder, feed, conf, ["knotd", "-c"])


STARTERS: Mapping[str, Callable[[Path, Feed], Secondary]] = {
    "nsd": start_nsd,
    "unbound": start_unbound,
    "named": start_named,
    "knotd": start_knotd,
}


def _started(kind: str, folder: Path, feed: Feed, conf: str, command: list[str]) -> Secondary:
    path = folder / f"{kind}.conf"
    path.write_text(conf)
    process = start(
        [*command, path], folder / f"{kind}.log", lambda: _ask(feed.port, feed.zone, "SOA") is not None
    )
    return Secondary(kind, feed, process)


def _ask(port: int, name: str, rtype: str, timeout: float = 0.5) -> dns.message.Message | None:
    query = dns.message.make_query(name, rtype, flags=0)
    try:
        return dns.query.udp(query, "127.0.0.1", timeout=timeout, port=port)
    except (OSError, dns.exception.DNSException):
        return None
