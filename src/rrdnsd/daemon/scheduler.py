"""Decides when each endpoint is probed: on a grid of its own, whatever the load.

The due times of an endpoint are `(turn + phase) * interval` on the loop's clock, for every whole number
`turn`; nothing ever shifts them, so there is no drift, and different phases keep endpoints apart. Due
times are rounded up to ticks so that the probes of one tick start as one batch.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappop, heappush
from math import ceil, floor
from typing import Protocol

from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.probes.base import OnResults, Probe
from rrdnsd.probes.runner import close

TICK = 0.01
"""Seconds that due times are rounded up to."""

STALL = 0.25
"""Seconds a due probe may be late before it is taken as missed, not just delayed."""

# Each wake-up costs CPU, so phases are rounded to so many ticks that a batch gathers up to so many probes,
# but no more coarsely than to a twentieth of the interval.
_GRAINS = (5, 2, 1)
_GATHERED = 50
_FINENESS = 20
_RECENT = 8192
_LOAD_WINDOW = 10.0
_LOAD_STEP = 1.0
_ROUNDING = 1e-6


class Timer(Protocol):
    """What `call_at` returns."""

    def cancel(self) -> None:
        """Forget it."""


class Clock(Protocol):
    """The part of an asyncio event loop that is needed here."""

    def time(self) -> float:
        """Seconds on a monotonic clock."""

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call back at that time."""


class Prober(Protocol):
    """What runs the probes: `probes.runner.Runner`."""

    @property
    def busy(self) -> float:
        """Seconds spent on probes so far."""

    def start(self, probes: Sequence[Probe]) -> None:
        """Begin these probes now."""

    def close(self) -> Awaitable[None]:
        """Abandon what is in flight, without results."""


Deliver = Callable[[Sequence[tuple[EndpointKey, ProbeResult]]], None]
"""Takes the results of one batch: the engine's inbox."""


@dataclass(frozen=True, slots=True)
class Job:
    """An endpoint to be probed every `interval` seconds (a tick or more).

    `phase` (0 to 1) is its place within the interval; None lets a hash of the endpoint choose.
    """

    probe: Probe
    interval: float
    phase: float | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """How the schedule is kept. Lags are seconds from due to started, of the last several thousand starts.

    `overruns` counts probes that were due while their predecessor was still in flight, `missed` those that
    were due while the process stood still. `load_factor` is the share of the last seconds that the event
    loop spent on probing: 1 is all there is; `busy` are its seconds since the start.
    """

    jobs: int
    in_flight: int
    started: int
    overruns: int
    missed: int
    lag_p50: float
    lag_p99: float
    lag_max: float
    load_factor: float
    busy: float = 0.0


class _Entry:
    """One job and its place in the schedule; a slot number of -1 means none."""

    __slots__ = ("extra_slot", "interval", "job", "offset", "probe", "slot", "turn")

    def __init__(self, job: Job, grain: float) -> None:
        self.job = job
        self.probe = job.probe
        self.interval = job.interval
        phase = phase_of(job.probe.key) if job.phase is None else job.phase
        self.offset = round(phase * self.interval / grain) * grain
        self.turn = 0
        self.slot = -1
        self.extra_slot = -1


class Scheduler:
    """Starts due probes and passes their results on.

    `open_prober` is given the callback for results and returns what runs the probes. All methods are for
    the event loop's thread; `deliver` may call them.
    """

    def __init__(self, clock: Clock, deliver: Deliver, open_prober: Callable[[OnResults], Prober]) -> None:
        self._clock = clock
        self._deliver = deliver
        self._prober = open_prober(self._on_results)
        self._entries: dict[EndpointKey, _Entry] = {}
        self._running: dict[EndpointKey, Probe] = {}
        self._slots: dict[int, list[_Entry]] = {}
        self._order: list[int] = []
        self._timer: Timer | None = None
        self._timer_slot = -1
        self._rate = 0.0
        self._paused = False
        self._closed = False
        self._started = 0
        self._overruns = 0
        self._missed = 0
        self._lags: deque[float] = deque(maxlen=_RECENT)
        self._loads: deque[tuple[float, float]] = deque([(clock.time(), self._prober.busy)])

    def set_jobs(self, jobs: Iterable[Job]) -> None:
        """Make these the only jobs. The grid is absolute, so a job that is replaced keeps its due times.

        The same object as before is not touched at all: what is due out of turn stays due.
        """
        wanted = {job.probe.key: job for job in jobs}
        for key in [key for key in self._entries if key not in wanted]:
            self.remove(key)
        self._rate = sum(1 / job.interval for job in wanted.values())
        for key, job in wanted.items():
            if key not in self._entries or self._entries[key].job is not job:
                self._put(job)
        self._arm()

    def add(self, job: Job) -> None:
        """Begin to probe an endpoint, or replace how it is probed. The first probe is at its next turn."""
        known = self._entries.get(job.probe.key)
        self._rate += 1 / job.interval - (1 / known.interval if known else 0)
        self._put(job)
        self._arm()

    def _put(self, job: Job) -> None:
        key = job.probe.key
        known = self._entries.get(key)
        if known is not None:
            self._forget(known)
            if known.probe is not job.probe:
                self._drop(known.probe)
        entry = self._entries[key] = _Entry(job, _grain(self._rate, job.interval))
        self._place(entry, self._clock.time())

    def remove(self, key: EndpointKey) -> None:
        """Stop to probe an endpoint; the result of a probe in flight is dropped."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._rate -= 1 / entry.interval
            self._forget(entry)
            self._drop(entry.probe)

    def probe_after(self, key: EndpointKey, delay: float) -> None:
        """Probe once more, `delay` seconds from now, beside the regular turns.

        An earlier request that is still due sooner stands. Nothing happens if the endpoint is unknown.
        """
        entry = self._entries.get(key)
        if entry is not None:
            self._place_extra(entry, _slot_of(self._clock.time() + delay))
            self._arm()

    def pause(self) -> None:
        """Start no more probes; those in flight end as usual."""
        self._paused = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resume(self) -> None:
        """Go on; what was due meanwhile is not made up for in a rush."""
        self._paused = False
        self._arm()

    async def close(self) -> None:
        """End all of it, without further results."""
        self._closed = True
        self.pause()
        await self._prober.close()
        probes = {id(entry.probe): entry.probe for entry in self._entries.values()}
        probes |= {id(probe): probe for probe in self._running.values()}
        for probe in probes.values():
            close(probe)
        self._entries.clear()
        self._running.clear()
        self._slots.clear()
        self._order.clear()

    def stats(self) -> Stats:
        """How the schedule is kept at the moment."""
        lags = sorted(self._lags)
        since, busy = self._loads[0]
        span = self._clock.time() - since
        return Stats(
            jobs=len(self._entries),
            in_flight=len(self._running),
            started=self._started,
            overruns=self._overruns,
            missed=self._missed,
            lag_p50=_quantile(lags, 0.5),
            lag_p99=_quantile(lags, 0.99),
            lag_max=_quantile(lags, 1.0),
            load_factor=(self._prober.busy - busy) / span if span > 0 else 0.0,
            busy=self._prober.busy,
        )

    def _on_timer(self) -> None:
        self._timer = None
        now = self._clock.time()
        batch: list[Probe] = []
        dues: list[float] = []
        self._take_due(now, batch, dues)
        self._arm()
        if batch:
            self._started += len(batch)
            self._prober.start(batch)
            done = self._clock.time()
            self._lags.extend([done - due for due in dues])
        self._note_load(now)

    def _take_due(self, now: float, batch: list[Probe], dues: list[float]) -> None:
        """Move what is due to its next turn and into the batch, but for what waited through a stall."""
        if not self._order:
            return
        last = int(now / TICK + _ROUNDING)
        stall = now - self._order[0] * TICK
        while self._order and self._order[0] <= last:
            slot = heappop(self._order)
            late = now - slot * TICK > STALL
            for entry in self._slots.pop(slot):
                if entry.slot == slot:
                    due = entry.offset + entry.turn * entry.interval
                    self._missed += self._place(entry, now)
                    if late:
                        self._make_up(entry, slot, stall)
                    elif self._begin(entry, batch):
                        dues.append(due)
                    else:
                        self._overruns += 1
                elif entry.extra_slot == slot:
                    entry.extra_slot = -1
                    if late:
                        self._missed += 1
                    elif self._begin(entry, batch):
                        dues.append(slot * TICK)

    def _begin(self, entry: _Entry, batch: list[Probe]) -> bool:
        probe = entry.probe
        if probe.key in self._running:
            return False
        self._running[probe.key] = probe
        batch.append(probe)
        return True

    def _place(self, entry: _Entry, now: float) -> int:
        """Put a job at its next turn; returns how many turns in between have gone by."""
        turn = floor((now - entry.offset) / entry.interval + _ROUNDING) + 1
        skipped = turn - entry.turn - 1
        entry.turn = turn
        entry.slot = self._insert(entry, _slot_of(entry.offset + turn * entry.interval))
        return skipped

    def _make_up(self, entry: _Entry, slot: int, stall: float) -> None:
        """Repeat a missed start as long after it was due as the stall took: spread as it would have been.

        Where the stall took whole intervals, the next turns are spread well enough by themselves.
        """
        self._missed += 1
        if stall < entry.interval:
            self._place_extra(entry, slot + ceil(stall / TICK) + 1)

    def _place_extra(self, entry: _Entry, slot: int) -> None:
        if entry.extra_slot < 0 or slot < entry.extra_slot:
            entry.extra_slot = self._insert(entry, slot)

    def _insert(self, entry: _Entry, slot: int) -> int:
        entries = self._slots.get(slot)
        if entries is None:
            self._slots[slot] = [entry]
            heappush(self._order, slot)
        else:
            entries.append(entry)
        return slot

    def _forget(self, entry: _Entry) -> None:
        entry.slot = entry.extra_slot = -1

    def _drop(self, probe: Probe) -> None:
        """Close a probe that is no longer wanted, now or when it comes back."""
        if self._running.get(probe.key) is not probe:
            close(probe)

    def _arm(self) -> None:
        if self._paused or self._closed or not self._order:
            return
        slot = self._order[0]
        if self._timer is not None:
            if slot >= self._timer_slot:
                return
            self._timer.cancel()
        self._timer_slot = slot
        self._timer = self._clock.call_at(slot * TICK, self._on_timer)

    def _on_results(self, results: Sequence[tuple[Probe, ProbeResult]]) -> None:
        running, entries = self._running, self._entries
        current = []
        for probe, result in results:
            key = probe.key
            running.pop(key, None)
            entry = entries.get(key)
            if entry is not None and entry.probe is probe:
                current.append((key, result))
            else:
                close(probe)
        if current and not self._closed:
            self._deliver(current)

    def _note_load(self, now: float) -> None:
        loads = self._loads
        if now - loads[-1][0] >= _LOAD_STEP:
            loads.append((now, self._prober.busy))
            while now - loads[1][0] > _LOAD_WINDOW:
                loads.popleft()


def phase_of(key: EndpointKey) -> float:
    """Choose a place within the interval, 0 to 1, that is the same on every run and differs among endpoints."""
    digest = blake2b(f"{key.service} {key.address}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _grain(rate: float, interval: float) -> float:
    """Choose what phases are rounded to, in whole ticks, at so many probes a second of all jobs together."""
    most = min(_GATHERED / rate, interval / _FINENESS) / TICK
    return next((grain for grain in _GRAINS if grain <= most), _GRAINS[-1]) * TICK


def _slot_of(moment: float) -> int:
    return ceil(moment / TICK - _ROUNDING)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
