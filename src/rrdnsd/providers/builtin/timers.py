"""One timer for each zone."""

import asyncio
from collections.abc import Callable

import dns.name


class Timers:
    """Calls `call(zone, late)` when a zone's time has come; `late` is by how many seconds it was missed.

    A process that was frozen, or starved of the processor, finds out so that what it believes is old.
    """

    def __init__(self, call: Callable[[dns.name.Name, float], None]) -> None:
        self._call = call
        self._handles: dict[dns.name.Name, asyncio.TimerHandle] = {}

    def __contains__(self, origin: dns.name.Name) -> bool:
        """Tell if the zone's timer is running."""
        return origin in self._handles

    def set(self, origin: dns.name.Name, when: float) -> None:
        """Start the zone's timer anew; a time that is past means at once. `when` is on the event loop's clock."""
        self.cancel(origin)
        loop = asyncio.get_running_loop()
        due = max(when, loop.time())

        def ring() -> None:
            del self._handles[origin]
            self._call(origin, loop.time() - due)

        self._handles[origin] = loop.call_at(due, ring)

    def cancel(self, origin: dns.name.Name) -> None:
        """Stop the zone's timer, if it is running."""
        handle = self._handles.pop(origin, None)
        if handle:
            handle.cancel()

    def close(self) -> None:
        """Stop all timers."""
        for origin in list(self._handles):
            self.cancel(origin)
