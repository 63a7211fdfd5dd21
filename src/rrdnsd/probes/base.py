"""The contract of a probe type: one file, one `build` function, one line under `rrdnsd.probes`.

A fast probe reads from top to bottom like a blocking client: `run` is a generator on a non-blocking
socket that yields when it must wait and returns its result; the reactor drives thousands of them.
A probe that needs a library is a coroutine instead. Neither raises for anything the network does: a
failure is a result with its reason, and only bugs raise.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rrdnsd.core.model import EndpointKey, ProbeResult


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
    """A probe that needs a library: an ordinary coroutine, ended by the runner at its timeout."""

    key: EndpointKey
    timeout: float

    async def probe(self) -> ProbeResult:
        """Ask the endpoint once."""


class FastProbe(Protocol):
    """A probe the reactor drives. `run` yields when it must wait for its socket and returns the result.

    See `probes/reactor.py` for what is yielded. `timeout` is in seconds and covers the whole probe.
    """

    key: EndpointKey
    timeout: float

    def run(self) -> Generator[object, None, ProbeResult]:
        """Ask the endpoint once."""


Build = Callable[[CheckSpec, EndpointKey], FastProbe | SlowProbe]
"""What an entry point of `rrdnsd.probes` names: makes the probe of one endpoint.

Raises ConfigError where the specification cannot work (a regular expression, an unreadable CA file).
"""
