"""What the server knows of a connection and ASGI does not tell: who is at its other end."""

import pwd
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

CONNECTION = "rrdnsd.connection"
"""The key of the `Connection` in the ASGI scope."""

_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7), SO_PEERCRED)


@dataclass(frozen=True, slots=True)
class Connection:
    """`uid` is who is at the other end of the Unix socket, None over TCP; `certificate` the verified one of a client.

    `abort` closes it at once.
    """

    uid: int | None = None
    certificate: Mapping[str, Any] | None = None
    abort: Callable[[], None] = lambda: None


_UNKNOWN = Connection()


def connection_of(request: HTTPConnection) -> Connection:
    """Return the connection that a request came over."""
    found = request.scope.get(CONNECTION)
    return found if isinstance(found, Connection) else _UNKNOWN


def peer_uid(sock: socket.socket) -> int:
    """Return the user at the other end of a Unix socket, by number."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def user_name(uid: int) -> str:
    """Return the name of a user; who has none is called by number. This may ask a directory server: it blocks."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
