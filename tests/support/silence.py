"""Servers that take connections and say nothing, and ports that do not even take connections."""

import contextlib
import socket
import threading
from pathlib import Path

from support.ports import free_port


class Silent:
    """Accepts every connection and never answers; `closed` counts those that the client has closed."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = free_port()
        self.accepted = 0
        self.closed = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((host, self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.accepted += 1
                self._open.append(sock)
                threading.Thread(target=self._read, args=(sock,), daemon=True).start()

    def _read(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            while sock.recv(65536):
                pass
        self.closed += 1


class BlackHole:
    """A port that neither takes connections nor refuses them: its queue is full, and the kernel drops the rest.

    On the address 0.0.0.0 it swallows all of 127.0.0.0/8, but for addresses where another one listens.
    """

    def __init__(self, host: str, port: int = 0) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(0)
        self.port: int = self._listener.getsockname()[1]
        near = "127.0.0.1" if host == "0.0.0.0" else host
        self._fillers = [self._fill(near) for _ in range(4)]

    def close(self) -> None:
        for sock in [self._listener, *self._fillers]:
            sock.close()

    def in_flight(self) -> int:
        """How many connections to it are being tried at the moment (those that fill its queue among them)."""
        remote = f":{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[2].endswith(remote) and row[3] == "02" for row in rows)

    def _fill(self, near: str) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect((near, self.port))
        return sock
