"""Tells the service manager what becomes of the node: ready, alive, reloading, stopping."""

import asyncio
import time
from typing import Protocol

from rrdnsd.daemon.manager import sentence
from rrdnsd.daemon.manager.firstround import FirstRound
from rrdnsd.daemon.manager.notify import Asked, Line
from rrdnsd.daemon.runtime import Runtime

BEAT = 1.0
"""Seconds between two looks; less where the watchdog wants to hear more often."""

FIRST_BEAT = 0.1
"""The same during the first round, so that what starts after this node waits no longer than it must."""

STUCK = 10.0
"""Seconds that the schedule may stand still before the watchdog is no longer fed."""

EXTENSION_USEC = 30_000_000
"""What is asked for while the first round makes progress: a long probe interval is no failed start."""


class Schedule(Protocol):
    """The part of the scheduler that the watchdog is about."""

    def behind(self) -> float:
        """Return for how many seconds what was due has not been started or has not ended; 0 if all is well."""


class ServiceManager:
    """Says what is to be said to the service manager. Where none asked, every method does nothing.

    The watchdog is fed only while the schedule of probes is kept: an event loop that runs beside a schedule that stands
    still starves it, and the service manager begins the process anew. Nothing due is no reason for that.
    """

    def __init__(self, asked: Asked, runtime: Runtime, schedule: Schedule, first_round: FirstRound) -> None:
        self._line = Line(asked.address)
        self._watchdog = asked.watchdog
        self._runtime = runtime
        self._schedule = schedule
        self._first_round = first_round
        self._ready = False
        self._reloading = False
        self._refused = ""
        self._said = ""

    async def run(self) -> None:
        """Go on telling until cancelled, which means that the node stops."""
        if not self._line.address:
            await asyncio.Event().wait()
        beat = min(BEAT, (self._watchdog or BEAT * 4) / 4)
        try:
            while True:
                self.once()
                await asyncio.sleep(beat if self._ready else FIRST_BEAT)
        except asyncio.CancelledError:
            self._line.say(STOPPING=1, STATUS="stopping; the records stay as they are")
            raise

    def once(self) -> None:
        """Look once, and tell what is new."""
        late = self._schedule.behind()
        alive = late < STUCK
        if self._ready:
            self._show(sentence.watching(self._runtime, self._refused, 0.0 if alive else late))
        else:
            self._begin(alive=alive)
        if alive and self._watchdog:
            self._line.say(WATCHDOG=1)

    def reloading(self) -> None:
        """Say that another configuration is being read: `systemctl reload` waits until `reloaded`."""
        if self._ready:
            self._reloading = True
            self._line.say(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000, STATUS="reloading")

    def reloaded(self, refused: str = "") -> None:
        """Say that it is decided which configuration holds; `refused` tells why it is the one from before."""
        self._refused = refused
        if self._reloading:
            self._reloading = False
            self._said = sentence.watching(self._runtime, refused, 0.0)
            self._line.say(READY=1, STATUS=self._said)

    def _begin(self, *, alive: bool) -> None:
        missing = self._first_round.open()
        if self._first_round.is_over(missing):
            self._ready = True
            self._said = sentence.watching(self._runtime, self._refused, 0.0)
            self._line.say(READY=1, STATUS=self._said)
            return
        if alive:
            self._line.say(EXTEND_TIMEOUT_USEC=EXTENSION_USEC)
        self._show(sentence.first_round(missing))

    def _show(self, status: str) -> None:
        if status != self._said and not self._reloading and self._line.say(STATUS=status):
            self._said = status
