"""How each prober is configured and started. All ask for the same page, as often, on new connections."""

import http.client
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from machine import answers, free_port, process, wait_for

Child = subprocess.Popen[bytes]
HERE = Path(__file__).parent
RUN: list[str | Path] = [Path(sys.executable).parent / "rrdnsd", "run"]
PROBE_ONLY: list[str | Path] = [sys.executable, HERE / "probe_only.py"]


@contextmanager
def rrdnsd(
    command: Sequence[str | Path],
    folder: Path,
    core: int,
    targets: list[str],
    port: int,
    rate: int,
    scheme: str = "http",
    reuse: bool = False,
) -> Iterator[Child]:
    """The daemon itself (RUN) or its probing part alone (PROBE_ONLY), from the same configuration file."""
    local_node, dns = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    interval = round(len(targets) * 1000 / rate)
    groups = [targets[i : i + 10] for i in range(0, len(targets), 10)]
    config = {
        "conf_version": 1,
        "local_node": local_node,
        "nodes": [local_node],
        "nodes_protocol": "http",
        "probe_interval_ms": interval,
        "verify_tls": False,
        "reuse_connections": reuse,
        "builtin": {"listen": [dns]},
        "services": [
            {
                "fqdn": f"s{number}.example.test",
                "zone": "example.test",
                "healthcheck": f"{scheme}://{{}}:{port}/",
                "ipaddrs": group,
                "ttl": 60,
            }
            for number, group in enumerate(groups)
        ],
    }
    path = folder / "rrdnsd.json"
    path.write_text(json.dumps(config))
    with process(command, core, folder / "rrdnsd.log", env={"CONF": str(path)}) as child:
        yield child


@contextmanager
def haproxy(
    folder: Path, core: int, targets: list[str], port: int, rate: int, scheme: str = "http"
) -> Iterator[Child]:
    """HAProxy's HTTP checks, one thread."""
    interval = round(len(targets) * 1000 / rate)
    tls = " check-ssl verify none no-ssl-reuse check-sni www.example.test" if scheme == "https" else ""
    lines = [
        "global",
        "  nbthread 1",
        f"  stats socket {folder}/haproxy.sock",
        "defaults",
        "  mode http",
        "  timeout connect 2s",
        "  timeout client 5s",
        "  timeout server 5s",
        "  timeout check 2s",
        "backend all",
        "  option httpchk",
        "  http-check send meth GET uri / ver HTTP/1.1 hdr Host www.example.test hdr Connection close",
        "  http-check expect status 200-399",
    ]
    lines += [f"  server s{i} {ip}:{port} check inter {interval}ms{tls}" for i, ip in enumerate(targets)]
    (folder / "haproxy.cfg").write_text("\n".join(lines) + "\n")
    command = ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]
    with process(command, core, folder / "haproxy.log") as child:
        yield child


@contextmanager
def gdnsd(folder: Path, core: int, targets: list[str], port: int, rate: int) -> Iterator[Child]:
    """gdnsd's http_status monitor."""
    home = folder / "gdnsd"
    (home / "zones").mkdir(parents=True, exist_ok=True)
    interval = max(2, math.ceil(len(targets) / rate))
    groups = "\n".join(
        f"r{i // 10} => {{ up_thresh => 0.1, service_types => web, "
        + ", ".join(f"a{k} => {ip}" for k, ip in enumerate(targets[i : i + 10]))
        + " }"
        for i in range(0, len(targets), 10)
    )
    (home / "config").write_text(
        f"options => {{ listen => 127.0.0.1:{free_port()}, run_dir => {home}/run, state_dir => {home}/state }}\n"
        f"service_types => {{ web => {{ plugin => http_status, port => {port}, vhost => www.example.test,"
        f" interval => {interval}, timeout => 1 }} }}\n"
        f"plugins => {{ multifo => {{\n{groups}\n}} }}\n"
    )
    command = ["gdnsd", "-c", str(home), "start"]
    with process(command, core, folder / "gdnsd.log") as child:
        yield child


@contextmanager
def blackbox(folder: Path, core: int, targets: list[str], port: int, rate: int) -> Iterator[Child]:
    """blackbox_exporter, which probes when it is scraped; the scraping is done on the other core."""
    own = free_port()
    (folder / "blackbox.yml").write_text(
        "modules:\n  plain:\n    prober: http\n    timeout: 2s\n"
        "    http: { preferred_ip_protocol: ip4, headers: { Connection: close } }\n"
    )
    command = [
        "prometheus-blackbox-exporter",
        f"--config.file={folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{own}",
        "--log.level=error",
    ]
    stop = threading.Event()
    with process(command, core, folder / "blackbox.log", env={"GOMAXPROCS": "1"}) as child:
        wait_for("blackbox_exporter", lambda: answers(own))
        scraper = threading.Thread(target=_scrape, args=(own, targets, port, rate, stop))
        scraper.start()
        try:
            yield child
        finally:
            stop.set()
            scraper.join()


def _scrape(own: int, targets: list[str], port: int, rate: int, stop: threading.Event) -> None:
    connection, begun, number = http.client.HTTPConnection("127.0.0.1", own, timeout=10), time.monotonic(), 0
    while not stop.is_set():
        target = targets[number % len(targets)]
        connection.request("GET", f"/probe?module=plain&target=http://{target}:{port}/")
        connection.getresponse().read()
        number += 1
        stop.wait(max(0.0, begun + number / rate - time.monotonic()))
