"""The fast engine: drives generators on non-blocking sockets from one nested epoll.

The epoll's own descriptor is what asyncio watches, so that one wake-up of the event loop serves a whole
batch of sockets. Measured against one asyncio task a probe, this is what makes a probe as cheap as in C.
Each socket is added once, edge-triggered, and forgotten by closing it: one epoll_ctl a connection.
"""

import asyncio
import select
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from socket import SocketType
from time import monotonic
from typing import cast

from rrdnsd.core.model import ProbeResult, Timings
from rrdnsd.probes.base import DeadlineExceeded, FastProbe, OnBug, OnResults, Steps, Wait

STALL = 0.2
"""Seconds the event loop may be late; beyond, the process was stopped or suspended and timeouts begin anew."""

_EDGE = select.EPOLLET | select.EPOLLIN
# Sockets asked for at a time, seconds until the event loop gets its turn, seconds between two looks at deadlines.
_BATCH = 16
_TURN = 0.002
_APART = 0.005


class _Flight:
    """One probe in flight."""

    __slots__ = (
        "began",
        "deadline",
        "excused",
        "fd",
        "mask",
        "probe",
        "ready",
        "resume",
        "sock",
        "steps",
        "timeout",
        "want",
    )

    def __init__(self, probe: FastProbe, began: float) -> None:
        self.probe = probe
        self.began = began
        self.timeout = probe.timeout
        self.deadline = began + self.timeout
        self.excused = False
        self.steps: Steps = probe.run()
        # The first resume takes None, which the generator's type does not show.
        self.resume = cast("Callable[[int | None], Wait]", self.steps.send)
        self.sock: SocketType | None = None
        self.fd = -1
        self.mask = 0
        self.ready = 0
        self.want = 0


class Reactor:
    """Runs fast probes and hands over their results in batches.

    `on_results` is called once for each batch, from `start`, from the event loop, never while a probe is
    being driven. `on_bug` is told what a probe raised; the probe then counts as failed. No more than
    `max_in_flight` probes hold sockets at a time; others wait, and their timeout begins when they do.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_results: OnResults,
        on_bug: OnBug,
        max_in_flight: int = 10_000,
    ) -> None:
        self._loop = loop
        self._on_results = on_results
        self._on_bug = on_bug
        self._max = max_in_flight
        self._epoll = select.epoll()
        self._flights: dict[int, _Flight] = {}
        # One queue a distinct timeout: within it the oldest is the next to expire, no heap needed.
        self._queues: dict[float, OrderedDict[_Flight, None]] = {}
        self._waiting: deque[FastProbe] = deque()
        self._results: list[tuple[FastProbe, ProbeResult]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._closed = False
        self._coming_back = False
        self.in_flight = 0
        self.busy = 0.0
        """Seconds spent in here since the start; its share of wall time is the load."""
        loop.add_reader(self._epoll.fileno(), self._work)

    @property
    def waiting(self) -> int:
        """How many probes were handed over and have not begun."""
        return len(self._waiting)

    def start(self, probes: Iterable[FastProbe]) -> None:
        """Begin these probes now, or in the event loop's next turns if they are very many.

        None of them may be in flight already. Results that are there at once are handed over at once.
        """
        if self._closed:
            return
        self._waiting.extend(probes)
        self._work()

    def close(self) -> None:
        """Abandon what is in flight, without results, and release every socket."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._epoll.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        for queue in self._queues.values():
            for flight in list(queue):
                self._guard(flight, flight.steps.close)
        self._queues.clear()
        self._flights.clear()
        self._epoll.close()

    def _launch(self, probe: FastProbe) -> None:
        try:
            flight = _Flight(probe, monotonic())
        except Exception as bug:  # noqa: BLE001 - a plug-in's bug must not reach its neighbours
            self._on_bug(probe, bug)
            self._results.append((probe, _failed(probe, bug, 0.0)))
            return
        queue = self._queues.get(flight.timeout)
        if queue is None:
            queue = self._queues[flight.timeout] = OrderedDict()
        queue[flight] = None
        self.in_flight += 1
        if flight.deadline < self._timer_at:
            self._arm(flight.deadline)
        self._advance(flight, None)

    def _work(self) -> None:
        """Begin what waits and serve what is ready, by turns, but give the event loop back in time.

        By turns, because a socket that is ready should not wait, and be timed as slow, until all have begun.
        """
        began = now = monotonic()
        until = began + _TURN
        busy = not self._closed
        while busy and now < until:
            launched = self._launch_some()
            events = self._epoll.poll(0, _BATCH)
            self._serve(events)
            busy = bool(launched or events)
            now = monotonic()
        if busy and self._waiting and not self._coming_back:
            self._coming_back = True
            self._loop.call_soon(self._come_back)
        self._settle(began)

    def _come_back(self) -> None:
        self._coming_back = False
        self._work()

    def _launch_some(self) -> int:
        """Begin some of those that wait, as far as there are places; returns how many."""
        number = min(len(self._waiting), _BATCH, self._max - self.in_flight)
        for _ in range(number):
            self._launch(self._waiting.popleft())
        return number

    def _serve(self, events: list[tuple[int, int]]) -> None:
        flights = self._flights
        for fd, mask in events:
            flight = flights.get(fd)
            if flight is None:
                continue
            event = (flight.ready | mask) & flight.want
            flight.ready = (flight.ready | mask) & ~event
            if event:
                self._advance(flight, event)

    def _advance(self, flight: _Flight, event: int | None) -> None:
        """Drive one probe until it waits for something that is not there yet, or ends."""
        try:
            while True:
                sock, want = flight.resume(event)
                flight.want = want
                if sock is not flight.sock or want & ~flight.mask:
                    self._watch(flight, sock, want)
                event = flight.ready & want
                if not event:
                    return
                flight.ready &= ~event
        except StopIteration as end:
            self._finish(flight, end.value)
        except Exception as bug:  # noqa: BLE001 - a plug-in's bug must not reach its neighbours
            self._finish(flight, self._blame(flight, bug))

    def _watch(self, flight: _Flight, sock: SocketType, want: int) -> None:
        """Have the epoll watch this socket; for writing only once that is asked for."""
        mask = flight.mask | want | _EDGE
        if sock is flight.sock:
            self._epoll.modify(flight.fd, mask)
        else:
            self._unwatch(flight)
            mask = want | _EDGE
            flight.fd = sock.fileno()
            self._epoll.register(flight.fd, mask)
            flight.sock = sock
            flight.ready = 0
            self._flights[flight.fd] = flight
        flight.mask = mask

    def _unwatch(self, flight: _Flight) -> None:
        sock = flight.sock
        if sock is None:
            return
        if self._flights.get(flight.fd) is flight:
            del self._flights[flight.fd]
        if sock.fileno() == flight.fd:
            self._epoll.unregister(flight.fd)
        flight.sock = None
        flight.fd = -1

    def _finish(self, flight: _Flight, result: object) -> None:
        if not isinstance(result, ProbeResult):
            result = self._blame(flight, TypeError(f"it returned {result!r}, which is not a ProbeResult"))
        self._unwatch(flight)
        del self._queues[flight.timeout][flight]
        self.in_flight -= 1
        self._results.append((flight.probe, result))

    def _blame(self, flight: _Flight, bug: Exception) -> ProbeResult:
        self._on_bug(flight.probe, bug)
        self._guard(flight, flight.steps.close)
        return _failed(flight.probe, bug, monotonic() - flight.began)

    def _guard(self, flight: _Flight, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as bug:  # noqa: BLE001 - as above, while it is being closed
            self._on_bug(flight.probe, bug)

    def _settle(self, began: float) -> None:
        """After a batch: hand over the results, note the time spent."""
        results, self._results = self._results, []
        self.busy += monotonic() - began
        if results:
            self._on_results(results)

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._on_deadline)

    def _on_deadline(self) -> None:
        began = monotonic()
        late = began - self._timer_at
        self._timer = None
        self._timer_at = float("inf")
        # An answer that has arrived is no timeout, however late this looks at it.
        while events := self._epoll.poll(0):
            self._serve(events)
        if late > STALL:
            self._begin_anew(began - late, began)
        for queue in list(self._queues.values()):
            while queue:
                flight = next(iter(queue))
                if flight.deadline > began:
                    break
                self._expire(flight)
        self._queues = {timeout: queue for timeout, queue in self._queues.items() if queue}
        if self._queues:
            soonest = min(next(iter(queue)).deadline for queue in self._queues.values())
            self._arm(max(soonest, began + _APART))
        self._settle(began)
        if self._waiting:
            self._work()

    def _begin_anew(self, stalled: float, now: float) -> None:
        """Give probes of before the stall all their time again, but once: an overloaded loop must end them too."""
        for queue in self._queues.values():
            for flight in queue:
                if flight.began < stalled and not flight.excused:
                    flight.excused = True
                    flight.deadline = now + flight.timeout

    def _expire(self, flight: _Flight) -> None:
        elapsed = monotonic() - flight.began
        result = ProbeResult(ok=False, reason=f"timeout after {flight.timeout:g} s", timings=Timings(elapsed))
        try:
            flight.steps.throw(DeadlineExceeded())
        except StopIteration as end:
            result = end.value
        except DeadlineExceeded:
            pass
        except Exception as bug:  # noqa: BLE001 - a plug-in's bug must not reach its neighbours
            result = self._blame(flight, bug)
        else:
            self._guard(flight, flight.steps.close)
        self._finish(flight, result)


def _failed(probe: FastProbe, bug: Exception, elapsed: float) -> ProbeResult:
    reason = f"bug in the probe type {type(probe).__name__}: {type(bug).__name__}: {bug}"
    return ProbeResult(ok=False, reason=reason, timings=Timings(elapsed))
