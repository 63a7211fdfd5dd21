"""Starts real NSD and Unbound that serve zone files and can be told by a control socket to read them anew.

The configurations are the ones that docs/recipes shows.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from support.dns_servers import DnsServer, answers_soa
from support.ports import free_port
from support.process import Process, start


def zone_file(folder: Path, zone: str) -> Path:
    """Where a server started here has the file of a zone."""
    return folder / "zones" / f"{zone}.zone"


def control_socket(folder: Path) -> Path:
    return folder / "ctl"


def start_nsd(folder: Path, zones: Mapping[str, str], control: str = "") -> DnsServer:
    """NSD; `control` replaces the lines of remote-control."""
    port = free_port("127.0.0.1")
    served = "".join(f"zone:\n  name: {name}\n  zonefile: zones/{name}.zone\n" for name in zones)
    conf = f"""server:
  ip-address: 127.0.0.1@{port}
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
  rrl-ratelimit: 0
remote-control:
  control-enable: yes
{control or f'  control-interface: "{control_socket(folder)}"'}
{served}"""
    return _started("nsd", folder, port, zones, conf, ["nsd", "-d", "-c"], family=2)


def start_unbound(folder: Path, zones: Mapping[str, str]) -> DnsServer:
    port = free_port("127.0.0.1")
    served = "".join(
        f"""auth-zone:
  name: {name}
  zonefile: zones/{name}.zone
  for-downstream: yes
  for-upstream: yes
  fallback-enabled: no
"""
        for name in zones
    )
    conf = f"""server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: "{control_socket(folder)}"
{served}"""
    return _started("unbound", folder, port, zones, conf, ["unbound", "-d", "-p", "-c"])


LOCAL_STARTERS: Mapping[str, Callable[[Path, Mapping[str, str]], DnsServer]] = {
    "nsd": start_nsd,
    "unbound": start_unbound,
}


def _started(
    kind: str,
    folder: Path,
    port: int,
    zones: Mapping[str, str],
    conf: str,
    command: list[str],
    family: int = 0,
) -> DnsServer:
    for name, text in zones.items():
        zone_file(folder, name).parent.mkdir(exist_ok=True)
        zone_file(folder, name).write_text(text)
    path = folder / f"{kind}.conf"
    path.write_text(conf)
    first = next(iter(zones))

    def launch() -> Process:
        return start(
            [*command, str(path)], folder / f"{kind}.log", lambda: answers_soa("127.0.0.1", port, first)
        )

    server = DnsServer(kind, port, tuple(zones), launch, folder=folder, family=family)
    server.start()
    return server
