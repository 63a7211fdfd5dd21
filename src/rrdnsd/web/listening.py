"""Opens the socket of `local_node`. Nothing heavy is imported here, so that it is open before there is an application."""

import socket
from dataclasses import dataclass

from rrdnsd.errors import StartupError


@dataclass(frozen=True, slots=True)
class ServerTls:
    """The certificate of `local_node`; with a `ca_file`, client certificates are asked for and verified."""

    cert_file: str
    key_file: str
    ca_file: str | None = None


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket of `local_node`.

    Raises:
        StartupError: the address is not of this machine or the port is taken.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where TCP is named: with it, an answer in two parts waits 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise StartupError(
            f"cannot listen on local_node {where}: {error.strerror}; "
            "is another rrdnsd running, and is the address one of this machine?"
        ) from error
    sock.setblocking(False)
    return sock
