"""The history that tiles show: one question for all endpoints, asked rarely, and never waited for long."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rrdnsd.control.base import Control
from rrdnsd.control.reports import EndpointHistory, HistoryReport
from rrdnsd.errors import RrdnsdError

HOUR = 3600
DAY = 24 * HOUR
MINUTE = 60

FRESH_SECONDS = 60.0
"""How long an answer is shown before the question is asked again: uptime by the hour does not change faster."""

MANY = 200
"""With more endpoints than this, latency is drawn by the hour: by the minute it would be 60 spans for each."""

_PATIENCE = 0.3
"""How long a page waits for the first answer; it goes out without, and is completed live."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of all endpoints, by service and address. `edition` grows with each answer."""

    edition: int = 0
    day: Mapping[Key, EndpointHistory] = field(default_factory=dict)
    hour: Mapping[Key, EndpointHistory] = field(default_factory=dict)
    since: float = 0.0
    until: float = 0.0
    by_minute: bool = False


class Historian:
    """Keeps the last answer, and asks anew when it is old and somebody looks."""

    def __init__(self, control: Control, clock: Callable[[], float]) -> None:
        self._control = control
        self._clock = clock
        self._past = Past()
        self._asked = float("-inf")
        self._task: asyncio.Task[None] | None = None

    async def past(self, now: float, endpoints: int) -> Past:
        """Return what is known; `now` is epoch seconds."""
        if self._task is None and self._clock() - self._asked >= FRESH_SECONDS:
            self._asked = self._clock()
            self._task = asyncio.create_task(self._ask(now, by_minute=endpoints <= MANY))
        if self._task is not None and not self._past.edition:
            await asyncio.wait([self._task], timeout=_PATIENCE)
        return self._past

    async def _ask(self, now: float, *, by_minute: bool) -> None:
        try:
            day = _by_key(await self._control.history(now - DAY, now, HOUR))
            hour = _by_key(await self._control.history(now - HOUR, now, MINUTE)) if by_minute else {}
            self._past = Past(self._past.edition + 1, day, hour, now - DAY, now, by_minute)
        except RrdnsdError:
            # Old figures, or none, until the next question: the present does not depend on them.
            self._past = Past(self._past.edition + 1, self._past.day, self._past.hour, now - DAY, now)
        finally:
            self._task = None


def _by_key(report: HistoryReport) -> Mapping[Key, EndpointHistory]:
    return {(found.service, found.address): found for found in report.endpoints}
