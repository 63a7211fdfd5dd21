"""One connection as a probe sees it: opened without waiting, read and written without blocking."""

import errno
import os
import select
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_TCP,
    SO_ERROR,
    SO_LINGER,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_QUICKACK,
    SocketType,
)
from struct import pack
from typing import Protocol

CHUNK = 16 * 1024
"""Bytes asked for at a time."""

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""As the socket module wants it: IPv4, or IPv6 with flow and scope."""

# Closing sends a reset: thousands of probes a minute must not leave as many sockets in TIME_WAIT.
_RESET_ON_CLOSE = pack("ii", 1, 0)

_BROKEN = select.EPOLLERR | select.EPOLLHUP

_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTDOWN: "host is down",
    errno.ENETDOWN: "network is down",
    errno.ETIMEDOUT: "connection timed out",
    errno.EACCES: "permission denied on this node",
    errno.EPERM: "permission denied on this node",
    errno.EMFILE: "too many open files on this node",
    errno.ENFILE: "too many open files on this node",
    errno.ENOBUFS: "no buffer space on this node",
    errno.ENOMEM: "out of memory on this node",
    errno.EADDRNOTAVAIL: "no free local address or port on this node",
    errno.EAFNOSUPPORT: "address family not supported on this node",
}


class Stream(Protocol):
    """A connection that carries bytes, plain or encrypted."""

    sock: SocketType
    cert_days: int | None

    def put(self, data: bytes) -> None:
        """Have this sent by the next `flush`."""

    def flush(self) -> bool:
        """Send; False when the socket takes no more for now. Raises OSError."""

    def receive(self) -> bytes | None:
        """Take what is there: None when nothing is there yet, b"" at the end. Raises OSError."""


class PlainStream:
    """TCP as it is."""

    __slots__ = ("_unsent", "cert_days", "sock")

    def __init__(self, sock: SocketType) -> None:
        self.sock = sock
        self.cert_days: int | None = None
        self._unsent = b""

    def put(self, data: bytes) -> None:
        """Have this sent by the next `flush`."""
        self._unsent = data

    def flush(self) -> bool:
        """Send; False when the socket takes no more for now. Raises OSError."""
        self._unsent = send_some(self.sock, self._unsent)
        return not self._unsent

    def receive(self) -> bytes | None:
        """Take what is there: None when nothing is there yet, b"" at the end. Raises OSError."""
        try:
            return self.sock.recv(CHUNK)
        except BlockingIOError:
            return None


def socket_address(address: str, port: int) -> SocketAddress:
    """Where an endpoint listens, as `connect` wants it."""
    return (address, port, 0, 0) if ":" in address else (address, port)


def open_socket(address: SocketAddress) -> SocketType:
    """Begin to connect; the socket is writable when that is done or has failed.

    Raises:
        OSError: it failed at once (no route, no descriptor left).

    """
    family = AF_INET if len(address) == 2 else AF_INET6  # noqa: PLR2004 - the shape tells the family
    sock = SocketType(family, SOCK_STREAM | SOCK_NONBLOCK)
    try:
        sock.setsockopt(SOL_SOCKET, SO_LINGER, _RESET_ON_CLOSE)
        sock.setsockopt(IPPROTO_TCP, TCP_QUICKACK, 0)
        code = sock.connect_ex(address)
    except BaseException:
        sock.close()
        raise
    if code and code != errno.EINPROGRESS:
        sock.close()
        raise OSError(code, os.strerror(code))
    return sock


def check_connected(sock: SocketType, event: int) -> None:
    """Raise the OSError of a connection that failed; `event` is what WRITE was answered with."""
    if event & _BROKEN:
        code = sock.getsockopt(SOL_SOCKET, SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))


def send_some(sock: SocketType, data: bytes) -> bytes:
    """Send what the socket takes and return the rest. Raises OSError."""
    try:
        return data[sock.send(data) :]
    except BlockingIOError:
        return data


def explain(error: OSError) -> str:
    """Say in operators' words what a socket reported."""
    code = error.errno or 0
    return _REASONS.get(code) or os.strerror(code).lower()
