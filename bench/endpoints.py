"""The endpoints that all probers are measured against: one nginx worker on every address of 127.1.0.0/16."""

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from machine import answers, free_port, process, wait_for

CONFIG = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_timeout 300; keepalive_requests 1000000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
  ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
  log_format arrival '$msec $server_addr';
  server {{ listen 0.0.0.0:{plain} backlog=4096; location / {{ return 200 "ok\\n"; }} }}
  server {{ listen 0.0.0.0:{tls} ssl backlog=4096; location / {{ return 200 "ok\\n"; }} }}
  server {{ listen 0.0.0.0:{logged} backlog=4096;
    access_log {folder}/arrivals.log arrival buffer=64k flush=1s; location / {{ return 200 "ok\\n"; }} }}
  server {{ listen 127.0.0.1:{status}; location / {{ stub_status; }} }}
}}
"""


@dataclass(frozen=True)
class Endpoints:
    plain: int
    tls: int
    logged: int
    status: int
    arrivals: Path

    def requests(self) -> int:
        """How many requests nginx has answered so far, this question not counted."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status}/", timeout=5) as answer:
            return int(re.findall(r"\n\s*\d+ \d+ (\d+)", answer.read().decode())[0])


def addresses(count: int) -> list[str]:
    return [f"127.1.{i // 250}.{i % 250 + 1}" for i in range(count)]


@contextmanager
def serve(folder: Path, core: int) -> Iterator[Endpoints]:
    """Run nginx on one core until the block ends."""
    certificate = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("www.example.test")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    ports = {name: free_port() for name in ("plain", "tls", "logged", "status")}
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, **ports))
    command = ["nginx", "-e", f"{folder}/nginx.err", "-c", f"{folder}/nginx.conf"]
    with process(command, core, folder / "nginx.log"):
        wait_for("nginx", lambda: answers(ports["status"]))
        yield Endpoints(arrivals=folder / "arrivals.log", **ports)
