"""Plain HTTP endpoints on loopback that a test starts and stops: stopped means that connections are refused."""

import socket
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.ports import free_port


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.hits += 1
        self.server.gate.wait(30)
        self.wfile.write(f"HTTP/1.1 {self.server.status} Fine\r\nContent-Length: 3\r\n\r\nok\n".encode())

    def log_message(self, *_args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    status = 200
    hits = 0


class _Server6(_Server):
    address_family = socket.AF_INET6


class Endpoints:
    """All endpoints of a service listen on the same port; while `gate` is not set, they answer nothing."""

    def __init__(self, *addresses):
        self.port = free_port(*addresses)
        self.gate = threading.Event()
        self.gate.set()
        self._servers = {}
        for address in addresses:
            self.start(address)

    def start(self, address, status=200):
        kind = _Server6 if ":" in address else _Server
        server = kind((address, self.port), _Handler)
        server.status, server.gate = status, self.gate
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self._servers[address] = server

    def hits(self, address):
        """How often it was asked since it was started."""
        return self._servers[address].hits

    def stop(self, address):
        server = self._servers.pop(address)
        server.shutdown()
        server.server_close()

    def close(self):
        for address in [*self._servers]:
            self.stop(address)


def endpoints_at(*addresses, scope="function"):
    """The fixture `endpoints`: all of these addresses, and all are well at first."""

    @pytest.fixture(scope=scope)
    def endpoints():
        with closing(Endpoints(*addresses)) as made:
            yield made

    return endpoints
