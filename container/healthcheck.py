"""The image's HEALTHCHECK: `GET /health` over the daemon's Unix socket must be answered with 200."""

import os
import socket
import sys

_SECONDS = 4.0


def answered(path: str) -> bool:
    """Ask once. HTTP/1.0, so that the answer ends with the connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_SECONDS)
        sock.connect(path)
        sock.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return sock.recv(64).partition(b"\r\n")[0].split()[1:2] == [b"200"]


if __name__ == "__main__":
    socket_path = os.environ.get("RUNTIME_DIRECTORY", "/run/rrdnsd") + "/api.sock"
    try:
        well = answered(socket_path)
    except OSError as error:
        sys.exit(f"{socket_path}: {error.strerror or error}")
    sys.exit(0 if well else f"{socket_path}: /health is not answered with 200")
