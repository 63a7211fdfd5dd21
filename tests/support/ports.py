"""Free ports, asked from the kernel."""

import socket


def free_port(*addresses: str) -> int:
    """A port that is free now for TCP and UDP on every one of the addresses (default: both loopbacks).

    The kernel gives ports in random order, so two tests that ask at the same time rarely get the same one.
    """
    wanted = addresses or loopbacks()
    for _ in range(100):
        with socket.socket(family_of(wanted[0]), socket.SOCK_STREAM) as first:
            first.bind((wanted[0], 0))
            port: int = first.getsockname()[1]
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


def _is_free(address: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family_of(address), kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
