"""Counts what probes find, in memory: called with every batch of results, so it does as little as possible.

A result becomes one octet in the endpoint's slot; everything else is made of these once a minute, in a thread.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from rrdnsd.core.model import EndpointKey, ProbeResult, State
from rrdnsd.store.histogram import BOUNDS
from rrdnsd.store.runs import Run

FAILED = 255
"""Stands for a failed probe; smaller octets are the numbers of histogram buckets."""

MOST_RUNS = 10_000
"""How many runs wait in memory to be written; further ones are dropped and counted."""

_LONGEST_RUN = 3600.0


@dataclass(frozen=True, slots=True)
class Harvest:
    """What happened at one endpoint since the last harvest: an octet for each probe, and seconds by the verdict."""

    key: EndpointKey
    codes: bytes
    up: float
    known: float


class _Slot:
    """What is known of one endpoint. A run's length is counted from `base`, an index into `codes`."""

    __slots__ = ("base", "codes", "known", "last", "ok", "reason", "since", "started", "state", "up")

    def __init__(self, started: float, since: float) -> None:
        self.codes = bytearray()
        self.ok: bool | None = None
        self.reason = ""
        self.started = self.last = started
        self.base = 0
        self.state = State.UNKNOWN
        self.since = since
        self.up = 0.0
        self.known = 0.0

    def settle(self, now: float) -> None:
        """Credit the time since the last call to the verdict that stood."""
        if self.state is not State.UNKNOWN:
            self.known += now - self.since
            if self.state is State.UP:
                self.up += now - self.since
        self.since = now

    def run(self, key: EndpointKey) -> Run | None:
        """Return the run that is under way."""
        length = len(self.codes) - self.base
        if self.ok is None or not length:
            return None
        return Run(key, self.started, self.last, self.ok, length, self.reason)


class Recorder:
    """Takes in probe results and verdicts on the event loop. `clock` tells epoch seconds, `monotonic` intervals.

    `lose` is called with the number of runs that did not fit into memory.
    """

    def __init__(
        self,
        lose: Callable[[int], None],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lose = lose
        self._clock = clock
        self._monotonic = monotonic
        self._slots: dict[EndpointKey, _Slot] = {}
        self._gone: dict[EndpointKey, _Slot] = {}
        self._runs: list[Run] = []

    def note(self, results: Sequence[tuple[EndpointKey, ProbeResult]]) -> None:
        """Take in the results of one batch."""
        now = self._clock()
        slots, bounds = self._slots, BOUNDS
        for key, result in results:
            try:
                slot = slots[key]
            except KeyError:
                slot = self._slot(key, now)
            ok = result.ok
            if ok is not slot.ok:
                self._turn(key, slot, result, now)
            slot.codes.append(bisect_right(bounds, result.timings.total) if ok else FAILED)
            slot.last = now

    def verdict(self, key: EndpointKey, state: State) -> None:
        """Take in a new verdict; uptime is counted by it, not by probes."""
        slot = self._slots.get(key) or self._slot(key, self._clock())
        slot.settle(self._monotonic())
        slot.state = state

    def keep_only(self, keys: Iterable[EndpointKey]) -> None:
        """Forget every other endpoint, once what is known of it has been harvested."""
        for key in self._slots.keys() - set(keys):
            slot = self._slots.pop(key)
            slot.settle(self._monotonic())
            slot.state = State.UNKNOWN
            self._end(key, slot)
            self._gone[key] = slot

    def runs(self) -> tuple[Run, ...]:
        """Return the runs that are not written yet, with those under way."""
        open_runs = (slot.run(key) for key, slot in self._slots.items())
        return (*self._runs, *(run for run in open_runs if run))

    def harvest_runs(self) -> tuple[Run, ...]:
        """Hand over the runs that have ended; one that has lasted for an hour ends here."""
        limit = self._clock() - _LONGEST_RUN
        for key, slot in self._slots.items():
            if slot.started <= limit:
                self._end(key, slot)
        taken, self._runs = tuple(self._runs), []
        return taken

    def cut(self) -> None:
        """End all runs that are under way, because the daemon ends."""
        for key, slot in self._slots.items():
            self._end(key, slot)

    def harvest(self, size: int) -> Iterator[Sequence[Harvest]]:
        """Hand over what was counted since the last harvest, so many endpoints at a time."""
        gone, self._gone = self._gone, {}
        slots = iter([*gone.items(), *self._slots.items()])
        while part := list(islice(slots, size)):
            now = self._monotonic()
            yield [taken for key, slot in part if (taken := _take(key, slot, now))]

    def _slot(self, key: EndpointKey, now: float) -> _Slot:
        slot = self._slots[key] = _Slot(now, self._monotonic())
        return slot

    def _turn(self, key: EndpointKey, slot: _Slot, result: ProbeResult, now: float) -> None:
        self._end(key, slot)
        slot.ok = result.ok
        slot.reason = result.reason
        slot.started = now
        slot.base = len(slot.codes)

    def _end(self, key: EndpointKey, slot: _Slot) -> None:
        run = slot.run(key)
        slot.ok = None
        if run and len(self._runs) < MOST_RUNS:
            self._runs.append(run)
        elif run:
            self._lose(1)


def _take(key: EndpointKey, slot: _Slot, now: float) -> Harvest | None:
    slot.settle(now)
    taken = Harvest(key, bytes(slot.codes), slot.up, slot.known)
    slot.base -= len(slot.codes)
    slot.codes.clear()
    slot.up = slot.known = 0.0
    return taken if taken.codes or taken.known else None
