"""Starts probes of both kinds and hands over their results, in batches, through one callback."""

import asyncio
import logging
import resource
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TypeGuard, cast

from rrdnsd.core.model import ProbeResult, Timings
from rrdnsd.probes.base import FastProbe, OnBug, OnResults, Probe, SlowProbe
from rrdnsd.probes.reactor import Reactor

log = logging.getLogger(__name__)

MAX_SLOW = 64
"""Coroutine probes of one type under way at a time; the next ones wait for a place, and their timeout for them."""

_MAX_FAST = 50_000
_SPARE_FILES = 128


@dataclass(slots=True)
class _Lane:
    """The coroutine probes of one type: a slow type does not hold up another."""

    places: int
    waiting: deque[SlowProbe] = field(default_factory=deque)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Runner:
    """Drives fast probes in the reactor and slow ones as tasks.

    `on_results` is called from the event loop with the results of one batch. `on_bug` is told what a probe
    raised; that probe then counts as failed. The caller never starts a probe that is still in flight.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_results: OnResults,
        on_bug: OnBug,
        max_fast: int | None = None,
        max_slow: int = MAX_SLOW,
    ) -> None:
        self._loop = loop
        self._on_results = on_results
        self._on_bug = on_bug
        self._max_slow = max_slow
        self._reactor = Reactor(loop, on_results, on_bug, max_fast or sockets_allowed())
        self._lanes: dict[type, _Lane] = {}
        self._results: list[tuple[Probe, ProbeResult]] = []

    @property
    def busy(self) -> float:
        """Seconds of the event loop's time spent on probes so far."""
        return self._reactor.busy

    @property
    def waiting(self) -> int:
        """How many fast probes have not begun; a slow one waits for a place in its lane, and not because of the load."""
        return self._reactor.waiting

    def start(self, probes: Sequence[Probe]) -> None:
        """Begin these probes now."""
        fast: list[FastProbe] = []
        for probe in probes:
            if _is_fast(probe):
                fast.append(probe)
            else:
                lane = self._lane(type(probe))
                lane.waiting.append(cast("SlowProbe", probe))
                self._fill_places(lane)
        self._reactor.start(fast)

    async def close(self) -> None:
        """Abandon what is in flight, without results."""
        for lane in self._lanes.values():
            lane.waiting.clear()
        self._reactor.close()
        tasks = [task for lane in self._lanes.values() for task in lane.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._results.clear()

    def _lane(self, kind: type) -> _Lane:
        if kind not in self._lanes:
            self._lanes[kind] = _Lane(getattr(kind, "at_once", self._max_slow))
        return self._lanes[kind]

    def _fill_places(self, lane: _Lane) -> None:
        while lane.waiting and len(lane.tasks) < lane.places:
            task = self._loop.create_task(self._ask(lane.waiting.popleft()))
            lane.tasks.add(task)
            task.add_done_callback(partial(self._leave, lane))

    def _leave(self, lane: _Lane, task: asyncio.Task[None]) -> None:
        lane.tasks.discard(task)
        self._fill_places(lane)

    async def _ask(self, probe: SlowProbe) -> None:
        began = monotonic()
        try:
            async with asyncio.timeout(probe.timeout) as limit:
                result = await probe.probe()
        except Exception as error:  # noqa: BLE001 - a plug-in's bug must not reach its neighbours
            if isinstance(error, TimeoutError) and limit.expired():
                reason = f"timeout after {probe.timeout:g} s"
            else:
                self._on_bug(probe, error)
                reason = f"bug in the probe type {type(probe).__name__}: {type(error).__name__}: {error}"
            result = ProbeResult(ok=False, reason=reason, timings=Timings(monotonic() - began))
        if not self._results:
            self._loop.call_soon(self._hand_over)
        self._results.append((probe, result))

    def _hand_over(self) -> None:
        results, self._results = self._results, []
        if results:
            self._on_results(results)


def close(probe: Probe) -> None:
    """Close a probe; a plug-in's bug there is told, and keeps nothing else from being closed."""
    try:
        probe.close()
    except Exception:
        log.exception("[probe] bug while closing the probe of %s", probe.key.address)


def sockets_allowed() -> int:
    """Tell how many sockets probes may hold; raises the process's soft limit of open files as far as needed."""
    wanted = _MAX_FAST + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < possible:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    return max(1, possible - _SPARE_FILES)


def _is_fast(probe: Probe) -> TypeGuard[FastProbe]:
    return hasattr(probe, "run")
