"""Free ports. Each process that runs tests has a range of its own, so nobody takes a port before it is used, or while it is closed."""

import itertools
import socket
from collections.abc import Iterator
from functools import cache

LOWEST, HIGHEST, MANY = 10_000, 32_000, 1_000
"""Below the ports that the kernel gives to whoever does not ask for a certain one."""


def free_port(*addresses: str) -> int:
    """A port that is free now for TCP and UDP on every one of the addresses (default: both loopbacks)."""
    wanted = addresses or loopbacks()
    _, ports = _own_range()
    for _ in range(MANY):
        port = next(ports)
        if all(_is_free(address, port) for address in wanted):
            return port
    raise RuntimeError(f"no port is free on all of {wanted}")


def loopbacks() -> tuple[str, ...]:
    """The loopback addresses this machine has: 127.0.0.1, and ::1 where there is IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ("127.0.0.1",)
    return ("127.0.0.1", "::1")


def family_of(address: str) -> socket.AddressFamily:
    """AF_INET6 for an IPv6 address, AF_INET for the rest."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@cache
def _own_range() -> tuple[socket.socket, Iterator[int]]:
    """Claim a range for as long as this process lives, by a name that only one can have; gives its ports in turn."""
    for first in range(LOWEST, HIGHEST, MANY):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0rrdnsd-tests-ports-{first}")
        except OSError:
            claim.close()
        else:
            return claim, itertools.cycle(range(first, first + MANY))
    raise RuntimeError("every range of ports is taken by other runs of the tests")


def _is_free(address: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family_of(address), kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
