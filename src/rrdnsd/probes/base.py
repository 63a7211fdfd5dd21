"""The contract of a probe type: one file, one `build` function, one line under `rrdnsd.probes`.

A fast probe reads from top to bottom like a blocking client: `run` is a generator on non-blocking
sockets that yields when it must wait and returns its result; the reactor drives thousands of them.
A probe that needs a library is a coroutine instead. Neither raises for anything the network does: a
failure is a result with its reason, and only bugs raise.

What a fast probe yields is `(socket, READ)` or `(socket, WRITE)`. Readiness is edge-triggered: wait for
READ after a request was sent, or after `recv` raised BlockingIOError, never while data may be left
unread. A wake-up can be spurious, so BlockingIOError after a wait means "wait again". The generator
closes its sockets itself, in a `finally`.
"""

import select
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from socket import SocketType
from typing import Protocol

from rrdnsd.core.model import EndpointKey, ProbeResult

READ = select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP
"""Yielded with a socket: wake me when something can be read, or the connection ended or failed."""

WRITE = select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP
"""Yielded with a socket: wake me when it is connected or can take more, or when that failed."""

Wait = tuple[SocketType, int]
"""What a fast probe yields."""

Steps = Generator[Wait, int, ProbeResult]
"""A fast probe under way; it is sent the EPOLL* bits that woke it."""


class DeadlineExceeded(Exception):  # noqa: N818 - it is a signal to the probe, not an error of it
    """Thrown into a fast probe at its timeout; the probe returns the result that says what it waited for."""


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """What to ask each endpoint of one service; the same for all of them.

    `healthcheck` is the URL template with `{}` for the address. `timeout` is in seconds and covers the
    whole probe. `expect_status` holds inclusive ranges of HTTP status codes. `expect_body` is a regular
    expression searched in the first 64 KiB of the body. `host` is the Host header, the SNI and the name
    the certificate must carry. `options` holds what only this probe type understands.
    """

    healthcheck: str
    host: str
    timeout: float
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    expect_status: tuple[tuple[int, int], ...] = ((200, 399),)
    expect_body: str | None = None
    verify_tls: bool = True
    ca_file: str | None = None
    reuse_connections: bool = False
    options: Mapping[str, object] = field(default_factory=dict)


class SlowProbe(Protocol):
    """A probe that needs a library: an ordinary coroutine, cancelled by the runner at its timeout.

    Its class may have a number `at_once`: so many of this type run at a time, `runner.MAX_SLOW` without it.
    """

    @property
    def key(self) -> EndpointKey:
        """The endpoint it asks."""

    @property
    def timeout(self) -> float:
        """Seconds for the whole probe."""

    async def probe(self) -> ProbeResult:
        """Ask the endpoint once."""

    def close(self) -> None:
        """Release what is kept from one probe to the next; called once, never while one is in flight."""


class FastProbe(Protocol):
    """A probe the reactor drives, several thousand a second."""

    @property
    def key(self) -> EndpointKey:
        """The endpoint it asks."""

    @property
    def timeout(self) -> float:
        """Seconds for the whole probe."""

    def run(self) -> Steps:
        """Ask the endpoint once."""

    def close(self) -> None:
        """Release what is kept from one probe to the next; called once, never while one is in flight."""


Probe = FastProbe | SlowProbe

OnResults = Callable[[Sequence[tuple[Probe, ProbeResult]]], None]
"""Takes the results of one batch."""

OnBug = Callable[[Probe, BaseException], None]
"""Takes what a probe raised, with its traceback, to be logged."""

Build = Callable[[CheckSpec, EndpointKey], Probe]
"""What an entry point of `rrdnsd.probes` names: makes the probe of one endpoint.

Raises ConfigError where the specification cannot work (a regular expression, an unreadable CA file), StartupError where
this process lacks what the type needs. Opens nothing: `rrdnsd check` calls it, too.
"""
