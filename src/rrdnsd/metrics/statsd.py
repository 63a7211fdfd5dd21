"""Tells a StatsD server, once a second and in a thread of its own, what has happened since.

The event loop only hands over counts. The thread resolves the host, again and again and with a back-off, and sends;
while it is held up the values of that time are lost, as everything may be that goes by UDP.
"""

import asyncio
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Full, Queue
from typing import TYPE_CHECKING

from rrdnsd.metrics import names
from rrdnsd.metrics.tally import Results

if TYPE_CHECKING:
    from statsd import StatsClient

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
RESOLVE_SECONDS = 60.0
MOST_BYTES = 1232
"""Of one datagram: what fits into the smallest IPv6 packet that every network carries (RFC 8200, section 5)."""
MOST_TIMES = 100
"""How many durations of probes are sent each second, about; with more probes than that the sample rate is told."""
MOST_KEPT = 20_000

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0

Resolve = Callable[[str, int], tuple[str, bool]]
"""Returns an IP address of a host, and whether it is one of IPv6; raises OSError."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted since the start; `busy` is in seconds, `load` is the share of time spent on probing."""

    started: int = 0
    successes: int = 0
    failures: int = 0
    heard: int = 0
    changed: int = 0
    busy: float = 0.0
    load: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent in one go: counts by name, milliseconds by name, gauges by name, and durations of probes."""

    counts: Sequence[tuple[str, int]]
    timers: Sequence[tuple[str, float]]
    gauges: Sequence[tuple[str, float]]
    times: Sequence[float]


@dataclass(slots=True)
class Flow:
    """Makes batches, each of what has happened since the one before."""

    read: Callable[[], Totals]
    last: Totals = field(default_factory=Totals)
    times: list[float] = field(default_factory=list)

    def note(self, results: Results) -> None:
        """Take in the durations of a batch of probes; of more than 20,000 in a second the first ones count."""
        if len(self.times) < MOST_KEPT:
            self.times.extend([result.timings.total for _, result in results])

    def batch(self) -> Batch:
        """Return what has happened since the last time."""
        now, last = self.read(), self.last
        times, self.times, self.last = self.times, [], now
        return Batch(
            counts=(
                (names.FETCH_CNT.name, now.started - last.started),
                (names.PROBE_SUCCESS_CNT.name, now.successes - last.successes),
                (names.PROBE_FAILURE_CNT.name, now.failures - last.failures),
                (names.RECEIVED_UPDATE_CNT.name, now.heard - last.heard),
                (names.STATUS_CHANGE_CNT.name, now.changed - last.changed),
            ),
            timers=((names.PROBE_DURATION_STAT.name, (now.busy - last.busy) * 1000),),
            gauges=((names.PROBE_LOAD_FACTOR.name, round(now.load, 4)),),
            times=times,
        )


class Sender:
    """Sends batches to one server, in a daemon thread: a resolver that hangs must not keep the process from ending."""

    def __init__(self, host: str, port: int, prefix: str, resolve: Resolve | None = None) -> None:
        self._host, self._port, self._prefix = host, port, prefix
        self._resolve = resolve or address_of
        self._batches: Queue[Batch | None] = Queue(maxsize=1)
        self._client: StatsClient | None = None
        self._resolve_at = 0.0
        self._failures = 0
        self.lost = 0
        """Batches that found the thread held up, or the host unknown."""
        self._thread = threading.Thread(target=self._work, name="rrdnsd-statsd", daemon=True)
        self._thread.start()

    def offer(self, batch: Batch) -> None:
        """Let the thread send this as soon as it can, unless another one waits already; returns at once."""
        try:
            self._batches.put_nowait(batch)
        except Full:
            self.lost += 1

    def close(self, within: float = 1.0) -> None:
        """Send what waits, for so many seconds at most, and end."""
        try:
            self._batches.put(None, timeout=within)
        except Full:
            return
        self._thread.join(within)

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            if time.monotonic() >= self._resolve_at:
                self._look_up()
            if self._client is None:
                self.lost += 1
            else:
                send(self._client, batch)
        if self._client:
            self._client.close()

    def _look_up(self) -> None:
        """Find the server; one that was found stays in use while its name cannot be resolved again."""
        from statsd import StatsClient  # noqa: PLC0415 -- only those who want it load it

        try:
            address, ipv6 = self._resolve(self._host, self._port)
            found = StatsClient(address, self._port, self._prefix or None, MOST_BYTES, ipv6)
        except OSError as error:
            self._failures += 1
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(self._failures - 1, 16))
            self._resolve_at = time.monotonic() + wait * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter is no secret
            if self._failures == 1:
                log.warning(
                    "[statsd] %s cannot be found: %s; it is tried again and again",
                    self._host,
                    error.strerror or error,
                )
            return
        if self._failures:
            log.info("[statsd] %s is found again, at %s", self._host, address)
        if self._client:
            self._client.close()
        self._client, self._failures = found, 0
        self._resolve_at = time.monotonic() + RESOLVE_SECONDS


async def tell(flow: Flow, host: str, port: int, prefix: str) -> None:
    """Tell the server once a second, until cancelled."""
    sender = Sender(host, port, prefix)
    try:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            sender.offer(flow.batch())
    finally:
        sender.offer(flow.batch())
        sender.close()


def send(client: "StatsClient", batch: Batch) -> None:
    """Send a batch, in as few datagrams as fit. Durations are sampled so that about a hundred are sent."""
    with client.pipeline() as pipe:
        for name, count in batch.counts:
            if count:
                pipe.incr(name, count)
        for name, value in batch.gauges:
            pipe.gauge(name, value)
        for name, milliseconds in batch.timers:
            pipe.timing(name, milliseconds)
        rate = round(min(1.0, MOST_TIMES / max(1, len(batch.times))), 4)
        for seconds in batch.times:
            pipe.timing(names.PROBE_TIME_MSEC.name, seconds * 1000, rate)


def address_of(host: str, port: int) -> tuple[str, bool]:
    """Return an IP address of a host, one of IPv4 if it has any, and whether it is one of IPv6.

    Raises:
        OSError: it has none, or nobody answers who could know.

    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    # UDP tells nobody that nothing listens: a name with both is asked by IPv4, where StatsD servers listen by default.
    family, _, _, _, address = min(found, key=lambda entry: entry[0] == socket.AF_INET6)
    return str(address[0]), family == socket.AF_INET6
