"""When each endpoint is due to be probed: on a grid of its own.

The due times of an endpoint are `(turn + phase) * interval` on the loop's clock, for every whole number
`turn`; nothing ever shifts them, so there is no drift, and different phases keep endpoints apart. Due
times are rounded up to ticks so that the probes of one tick start as one batch: a slot is such a tick.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappop, heappush
from math import ceil, floor

from rrdnsd.core.model import EndpointKey
from rrdnsd.probes.base import Probe

TICK = 0.01
"""Seconds that due times are rounded up to."""

# Each wake-up costs CPU, so phases are rounded to so many ticks that a batch gathers up to so many probes,
# but no more coarsely than to a twentieth of the interval.
_GRAINS = (5, 2, 1)
_GATHERED = 50
_FINENESS = 20
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Job:
    """An endpoint to be probed every `interval` seconds (a tick or more).

    `phase` (0 to 1) is its place within the interval; None lets a hash of the endpoint choose.
    """

    probe: Probe
    interval: float
    phase: float | None = None


class Entry:
    """One job and its place in the schedule, at so many probes a second of all jobs together.

    A slot number of -1 means none. `beside` tells that the last probe was begun beside its turns.
    """

    __slots__ = ("begun", "beside", "extra_slot", "interval", "job", "offset", "probe", "slot", "turn")

    def __init__(self, job: Job, rate: float) -> None:
        self.begun = self.beside = False
        self.job = job
        self.probe = job.probe
        self.interval = job.interval
        phase = phase_of(job.probe.key) if job.phase is None else job.phase
        grain = _grain(rate, job.interval)
        self.offset = round(phase * self.interval / grain) * grain
        self.turn = 0
        self.slot = -1
        self.extra_slot = -1

    def forget(self) -> None:
        """Be due no more; the timetable finds it in its slots and passes it by."""
        self.slot = self.extra_slot = -1


class Timetable:
    """The entries by the slots that they are due in."""

    __slots__ = ("_order", "_slots")

    def __init__(self) -> None:
        self._slots: dict[int, list[Entry]] = {}
        self._order: list[int] = []

    @property
    def first(self) -> int | None:
        """The earliest slot that holds anything; None if nothing is due ever."""
        return self._order[0] if self._order else None

    def take(self, first: int) -> Sequence[Entry]:
        """Remove the earliest slot; returns all that were ever put there, also those that are due elsewhere now."""
        heappop(self._order)
        return self._slots.pop(first)

    def place(self, entry: Entry, now: float) -> int:
        """Put a job at its next turn; returns how many turns in between have gone by."""
        turn = floor((now - entry.offset) / entry.interval + _ROUNDING) + 1
        skipped = turn - entry.turn - 1
        entry.turn = turn
        entry.slot = self._insert(entry, slot_from(entry.offset + turn * entry.interval))
        return skipped

    def place_extra(self, entry: Entry, slot: int) -> None:
        """Put a job into one more slot, beside its turns; an earlier one that it has already stands."""
        if entry.extra_slot < 0 or slot < entry.extra_slot:
            entry.extra_slot = self._insert(entry, slot)

    def clear(self) -> None:
        """Forget everything."""
        self._slots.clear()
        self._order.clear()

    def _insert(self, entry: Entry, slot: int) -> int:
        entries = self._slots.get(slot)
        if entries is None:
            self._slots[slot] = [entry]
            heappush(self._order, slot)
        else:
            entries.append(entry)
        return slot


def slot_at(moment: float) -> int:
    """Return the last slot that has begun by then."""
    return int(moment / TICK + _ROUNDING)


def slot_from(moment: float) -> int:
    """Return the first slot that begins then or later."""
    return ceil(moment / TICK - _ROUNDING)


def phase_of(key: EndpointKey) -> float:
    """Choose a place within the interval, 0 to 1, that is the same on every run and differs among endpoints."""
    digest = blake2b(f"{key.service} {key.address}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _grain(rate: float, interval: float) -> float:
    """Choose what phases are rounded to, in whole ticks, at so many probes a second of all jobs together."""
    most = min(_GATHERED / rate, interval / _FINENESS) / TICK
    return next((grain for grain in _GRAINS if grain <= most), _GRAINS[-1]) * TICK
