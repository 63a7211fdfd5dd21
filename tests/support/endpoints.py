"""Real endpoints on loopback that behave well or badly, and the means to probe them."""

import asyncio
import socket
import ssl
import struct
import threading
from contextlib import closing, contextmanager, suppress

from rrdnsd.compose.building import build_probe
from rrdnsd.core.model import EndpointKey
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.probes.runner import Runner
from support.ports import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
HOST = "www.example.test"


class Endpoint:
    """Listens on an address; `behave(connection, stopped)` is run for each connection in a thread."""

    def __init__(self, behave, address="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server(
            (address, port or free_port(address)), family=family, backlog=64
        )
        self._behave = behave
        self._stopped = threading.Event()
        self._threads = []
        self._connections = []
        self.address, self.port = address, self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def connections(self):
        """How many connections were accepted so far."""
        return len(self._connections)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            if self._stopped.is_set():
                connection.close()
                return
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection):
        # A client that resets is nothing special here.
        with suppress(OSError), closing(connection):
            self._behave(connection, self._stopped)

    def close(self):
        self._stopped.set()
        # Wakes the thread in accept().
        with suppress(OSError):
            socket.create_connection((self.address, self.port), timeout=1).close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        self._listener.close()


@contextmanager
def endpoint(behave, address="127.0.0.1", port=0):
    with closing(Endpoint(behave, address, port)) as served:
        yield served


def answering(data=OK):
    """Answers every request on a connection with these bytes, and closes when the client does."""

    def behave(connection, _stopped):
        while request(connection):
            connection.sendall(data)

    return behave


def answering_once(data=OK):
    """Answers one request and closes the connection, as a server does that is done with it."""

    def behave(connection, _stopped):
        request(connection)
        connection.sendall(data)

    return behave


def silent(connection, stopped):
    request(connection)
    stopped.wait()


def closing_at_once(connection, _stopped):
    request(connection)


def resetting(connection, _stopped):
    request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def dripping(data=OK, seconds=0.05):
    def behave(connection, stopped):
        request(connection)
        for byte in data:
            connection.sendall(bytes([byte]))
            if stopped.wait(seconds):
                return

    return behave


def endless(head, more):
    """Sends `head`, then `more` for as long as anybody takes it."""

    def behave(connection, stopped):
        request(connection)
        connection.sendall(head)
        while not stopped.is_set():
            connection.sendall(more)

    return behave


def over_tls(behave, certificate, version=None):
    """The same behaviour inside TLS; `certificate` is a trustme.LeafCert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if version:
        context.minimum_version = context.maximum_version = version
    certificate.configure_cert(context)

    def secured(connection, stopped):
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as wrapped:
            behave(wrapped, stopped)

    return secured


def request(connection):
    """Read up to the end of a request's headers; false at the end of the connection."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        chunk = connection.recv(4096)
        if not chunk:
            return b""
        received += chunk
    return received


@contextmanager
def black_hole(address="127.0.0.1"):
    """A port that answers nothing at all: its queue of connections is full, so the kernel drops each SYN."""
    with socket.socket() as listener:
        listener.bind((address, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        try:
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex((address, port))
                fillers.append(filler)
            yield port
        finally:
            for filler in fillers:
                filler.close()


def spec(healthcheck, **settings):
    return CheckSpec(**{"healthcheck": healthcheck, "host": HOST, "timeout": 20.0, **settings})


def probe(healthcheck, address="127.0.0.1", **settings):
    """A probe of one endpoint, of the type that the URL names."""
    return build_probe(ProbeTypes(), spec(healthcheck, **settings), EndpointKey(HOST, address))


class Asker:
    """Runs probes, and gives the result of each."""

    def __init__(self):
        self.bugs = []
        self._results = {}
        self._runner = Runner(
            asyncio.get_running_loop(), self._take, lambda p, bug: self.bugs.append((p, bug))
        )

    def _take(self, results):
        for asked, result in results:
            if waiting := self._results.pop(id(asked), None):  # else it was started without anybody waiting
                waiting.set_result(result)

    async def ask_all(self, *probes):
        loop = asyncio.get_running_loop()
        waiting = [self._results.setdefault(id(p), loop.create_future()) for p in probes]
        self._runner.start(probes)
        return await asyncio.wait_for(asyncio.gather(*waiting), 60)

    async def ask(self, asked):
        return (await self.ask_all(asked))[0]

    async def close(self):
        await self._runner.close()


async def ask(asked):
    """Probe once, alone."""
    asker = Asker()
    try:
        return await asker.ask(asked)
    finally:
        await asker.close()
        asked.close()
