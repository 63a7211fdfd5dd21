"""One who looks from outside, ten times a second, at what named serves; and one who notices when this machine stands still."""

import threading
import time
from contextlib import suppress
from pathlib import Path

from soak.kinds import SERVICES, Fault
from soak.record import Look, Stood
from support.names import ZONE
from support.netns import Host
from support.netns_named import FOREIGN, NO_ANSWER, _records

EVERY = 0.1
TIMEOUT = 1.0
TICK = 0.5
STALL = 0.2
"""Whoever waits so long for a processor within a tick is not judged: the machine is at fault."""


class Observer:
    """Looks until it is closed; `looks` grows."""

    def __init__(self, eye, server):
        self.looks = []
        self._server = server
        self._stop = threading.Event()
        # A thread of its own in the observer's host: it must wait for nobody.
        self._host = Host("observer", eye.namespace, eye.addresses)
        self._thread = threading.Thread(target=self._host.call, args=(self._watch,), daemon=True)
        self._thread.start()

    @property
    def alive(self):
        return self._thread.is_alive()

    def close(self):
        self._stop.set()
        self._thread.join(10)

    def _watch(self):
        while not self._stop.wait(EVERY):
            self.looks.append(self._look())

    def _look(self):
        asked = time.monotonic()
        found = {name: self._ask(f"{name}.{ZONE}", "A") for name in SERVICES}
        text, other = self._ask(f"www.{ZONE}", "TXT"), self._ask(f"other.{ZONE}", "A")
        soa = self._ask(ZONE, "SOA")
        known = None not in {text, other, found["www"]}
        untouched = known and text == {'"left-alone"'} and other == {"192.0.2.7"} and FOREIGN in found["www"]
        return Look(
            asked,
            time.monotonic(),
            {name: None if served is None else served - {FOREIGN} for name, served in found.items()},
            int(next(iter(soa)).split()[2]) if soa else None,
            untouched if known else None,
        )

    def _ask(self, name, rtype):
        try:
            return _records(str(self._server), name, rtype, TIMEOUT)
        except NO_ANSWER:
            return None


class Ticker:
    """Notices when this process stands still, or one of those that it is told of waits for a processor. `stalls` grows."""

    def __init__(self, pids):
        self.stalls = []
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join(10)

    def _tick(self):
        last, waited = time.monotonic(), self._waited()
        while not self._stop.wait(TICK):
            now, waits = time.monotonic(), self._waited()
            longest = max((waits[key] - waited[key] for key in waits.keys() & waited.keys()), default=0.0)
            if now - last > TICK + STALL or longest > STALL:
                self.stalls.append(Stood(Fault("stall"), last, last, now, now))
            last, waited = now, waits

    def _waited(self):
        """Return for how long each process that has begun to work has waited for a processor so far, in seconds."""
        found = {}
        for name, pid in self._pids().items():
            # It may have been killed meanwhile.
            with suppress(OSError, IndexError, ValueError):
                found[name, pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
        return found
