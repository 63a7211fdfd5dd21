"""Starts the probes that are due, a batch at a time, and passes their results on, whatever the load."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.daemon.punctuality import Punctuality
from rrdnsd.daemon.timetable import TICK, Entry, Job, Timetable, slot_at, slot_from
from rrdnsd.metrics.names import LAG_BOUNDS
from rrdnsd.metrics.tally import Distribution
from rrdnsd.probes.base import OnResults, Probe
from rrdnsd.probes.runner import close

STALL = 0.25
"""Seconds a due probe may be late before it is taken as missed, not just delayed."""

FIRST_RATE = 500
"""Probes a second of endpoints that were never probed: quick, but no storm."""

_LOAD_WINDOW = 10.0
_LOAD_STEP = 1.0


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

    @property
    def waiting(self) -> int:
        """How many of the probes that were handed over have not begun: the last ones."""

    def start(self, probes: Sequence[Probe]) -> None:
        """Begin these probes now, or as soon as there is time for them."""

    def close(self) -> Awaitable[None]:
        """Abandon what is in flight, without results."""


Deliver = Callable[[Sequence[tuple[EndpointKey, ProbeResult]]], None]
"""Takes the results of one batch: the engine's inbox."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How the schedule is kept. Lags are seconds from due to begun, of the last several thousand probes
    since it has settled; `lags` counts all of them.

    `overruns` counts turns that came while the probe of the turn before was still in flight, `missed` those that
    came while the process stood still. `load_factor` is the share of the last seconds that the event
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
    lags: Distribution = field(default_factory=lambda: Distribution(LAG_BOUNDS))


class Scheduler:
    """Starts due probes and passes their results on.

    `open_prober` is given the callback for results and returns what runs the probes. All methods are for
    the event loop's thread; `deliver` may call them.
    """

    def __init__(self, clock: Clock, deliver: Deliver, open_prober: Callable[[OnResults], Prober]) -> None:
        self._clock = clock
        self._deliver = deliver
        self._prober = open_prober(self._on_results)
        self._entries: dict[EndpointKey, Entry] = {}
        self._running: dict[EndpointKey, Probe] = {}
        self._timetable = Timetable()
        self._timer: Timer | None = None
        self._timer_slot = -1
        self._rate = 0.0
        self._paused = False
        self._closed = False
        self._started = 0
        self._overruns = 0
        self._missed = 0
        self._awaited_since: float | None = None
        self._punctuality = Punctuality()
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
            known.forget()
            if known.probe is not job.probe:
                self._drop(known.probe)
        entry = self._entries[key] = Entry(job, self._rate)
        entry.begun = known is not None and known.begun and known.probe is job.probe
        self._timetable.place(entry, self._clock.time())

    def look_round(self) -> None:
        """Probe what was never probed soon, instead of only at its turn: so many a second, as if it were their turn."""
        now = self._clock.time()
        waiting = sorted(
            (entry for entry in self._entries.values() if not entry.begun), key=lambda entry: entry.slot
        )
        hurried = 0
        for entry in waiting:
            slot = slot_from(now + hurried / FIRST_RATE)
            if slot < entry.slot:
                self._timetable.place_extra(entry, slot)
                hurried += 1
        self._arm()

    def remove(self, key: EndpointKey) -> None:
        """Stop to probe an endpoint; the result of a probe in flight is dropped."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._rate -= 1 / entry.interval
            entry.forget()
            self._drop(entry.probe)

    def probe_after(self, key: EndpointKey, delay: float) -> None:
        """Probe once more, `delay` seconds from now, beside the regular turns.

        An earlier request that is still due sooner stands. Nothing happens if the endpoint is unknown.
        """
        entry = self._entries.get(key)
        if entry is not None:
            self._timetable.place_extra(entry, slot_from(self._clock.time() + delay))
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
        self._timetable.clear()
        self._punctuality.clear()

    def behind(self) -> float:
        """Return for how many seconds the schedule stands still; 0 while it is kept, and while nothing is due.

        It stands still when what is due was not started, or when of all that was started nothing has ended, time-outs
        included. A single probe that never ends, a plug-in's bug, holds up no other and does not count.
        """
        now, slot = self._clock.time(), self._timetable.first
        late = 0.0 if slot is None or self._paused else now - slot * TICK
        if self._awaited_since is not None and self._running:
            patience = min(probe.timeout for probe in self._running.values())
            late = max(late, now - self._awaited_since - patience)
        return max(0.0, late)

    def settle(self) -> None:
        """Forget how late probes were started while the daemon was still being put together around them."""
        self._punctuality.settle()

    def stats(self) -> Stats:
        """How the schedule is kept at the moment."""
        median, most, longest = self._punctuality.quantiles((0.5, 0.99, 1.0))
        since, busy = self._loads[0]
        span = self._clock.time() - since
        return Stats(
            jobs=len(self._entries),
            in_flight=len(self._running),
            started=self._started,
            overruns=self._overruns,
            missed=self._missed,
            lag_p50=median,
            lag_p99=most,
            lag_max=longest,
            load_factor=(self._prober.busy - busy) / span if span > 0 else 0.0,
            busy=self._prober.busy,
            lags=self._punctuality.all,
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
            if self._awaited_since is None:
                self._awaited_since = now
            self._punctuality.due(dues)
            self._prober.start(batch)
            self._punctuality.begun(self._prober.waiting, self._clock.time())
        self._note_load(now)

    def _take_due(self, now: float, batch: list[Probe], dues: list[float]) -> None:
        """Move what is due to its next turn and into the batch, but for what waited through a stall."""
        timetable, last = self._timetable, slot_at(now)
        stall = None
        while (slot := timetable.first) is not None and slot <= last:
            late = now - slot * TICK
            stall = late if stall is None else stall
            for entry in timetable.take(slot):
                if entry.slot == slot:
                    due = entry.offset + entry.turn * entry.interval
                    self._missed += timetable.place(entry, now)
                    if late > STALL:
                        self._make_up(entry, slot, stall)
                    elif self._begin(entry, batch, beside=False):
                        dues.append(due)
                elif entry.extra_slot == slot:
                    entry.extra_slot = -1
                    if late > STALL and not entry.begun:
                        # A slow start must not leave it unknown for a whole interval.
                        self._make_up(entry, slot, stall)
                    elif late > STALL:
                        self._missed += 1
                    elif self._begin(entry, batch, beside=True):
                        dues.append(slot * TICK)

    def _begin(self, entry: Entry, batch: list[Probe], *, beside: bool) -> bool:
        """Begin a probe at its turn or beside it; an extra probe in flight stands for the turn that comes meanwhile."""
        probe = entry.probe
        if probe.key in self._running:
            if not beside:
                self._overruns += not entry.beside
                entry.beside = False
            return False
        self._running[probe.key] = probe
        entry.begun, entry.beside = True, beside
        batch.append(probe)
        return True

    def _make_up(self, entry: Entry, slot: int, stall: float) -> None:
        """Repeat a missed start as long after it was due as the stall took: spread as it would have been.

        Where the stall took whole intervals, the next turns are spread well enough by themselves.
        """
        self._missed += 1
        if stall < entry.interval:
            self._timetable.place_extra(entry, slot + ceil(stall / TICK) + 1)

    def _drop(self, probe: Probe) -> None:
        """Close a probe that is no longer wanted, now or when it comes back."""
        if self._running.get(probe.key) is not probe:
            close(probe)

    def _arm(self) -> None:
        slot = self._timetable.first
        if self._paused or self._closed or slot is None:
            return
        if self._timer is not None:
            if slot >= self._timer_slot:
                return
            self._timer.cancel()
        self._timer_slot = slot
        self._timer = self._clock.call_at(slot * TICK, self._on_timer)

    def _on_results(self, results: Sequence[tuple[Probe, ProbeResult]]) -> None:
        running, entries = self._running, self._entries
        self._punctuality.begun(self._prober.waiting, self._clock.time())
        self._awaited_since = None
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
