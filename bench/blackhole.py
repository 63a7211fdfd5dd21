"""Addresses that never answer: a network namespace whose only way out is a cable at whose other end nobody feels addressed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def void() -> Iterator[list[str]]:
    """Gives the beginning of a command that runs in there: all of 10.0.0.0/8 is silent, the loopback interface is its own."""
    name = f"rrdnsd-bench-{os.getpid()}"
    inside = ["ip", "netns", "exec", name]
    _run(["ip", "netns", "add", name])
    try:
        _run([*inside, "ip", "link", "set", "lo", "up"])
        _run([*inside, "ip", "link", "add", "silent", "type", "veth", "peer", "name", "sink"])
        # Without ARP a frame goes to the sender's own hardware address, and the other end drops what is not for it.
        _run([*inside, "ip", "link", "set", "silent", "arp", "off"])
        _run([*inside, "ip", "link", "set", "sink", "up"])
        _run([*inside, "ip", "address", "add", "10.255.255.254/8", "dev", "silent"])
        _run([*inside, "ip", "link", "set", "silent", "up"])
        yield inside
    finally:
        _run(["ip", "netns", "delete", name])


def addresses(count: int) -> list[str]:
    return [f"10.1.{i // 250}.{i % 250 + 1}" for i in range(count)]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)
