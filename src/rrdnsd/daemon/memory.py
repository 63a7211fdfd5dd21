"""What the last run knew: shown until it is verified, and kept up to date for the next run.

It counts as unknown: the engine is never told of it, so no vote is cast and nothing is written because of it. It
spares people what they know already: a first verdict that is as before the restart is no news.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rrdnsd.core.effects import Effect, Transition, Voted
from rrdnsd.core.engine import Engine
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.daemon.budget import Incident
from rrdnsd.daemon.reports import Report
from rrdnsd.daemon.runtime import Witness
from rrdnsd.store.remembered import Known, Recollection, Remembered

log = logging.getLogger(__name__)

SAVE_SECONDS = 1.0
ALIVE_SECONDS = 60.0
"""How often it is noted that this process is running, while nothing changes: until then it knew what it knew."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the last run knew of one endpoint, which knew it `until` a moment in epoch seconds."""

    known: Known
    until: float


class Memory:
    """What was known, and what is known now. `clock` is monotonic, `wall` tells epoch seconds."""

    def __init__(
        self, kept: Remembered, engine: Engine, clock: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self._kept = kept
        self._engine = engine
        self._clock = clock
        self._wall = wall
        self._recalled: dict[EndpointKey, Recalled] = {}
        self._changed: dict[EndpointKey, None] = {}
        self._noted = float("-inf")
        self._left = False
        self._as_before = self._otherwise = 0

    async def load(self) -> None:
        """Recall what the last run knew; what is damaged or missing was not known."""
        found: Recollection = await self._kept.load()
        self._recalled = {
            known.key: Recalled(known, found.until)
            for known in found.known
            if known.key in self._engine.endpoints
        }

    def recall(self, key: EndpointKey) -> Recalled | None:
        """Return what the last run knew of an endpoint, until this run knows better."""
        status = self._engine.endpoints.get(key)
        verified = status is None or status.verdict is not State.UNKNOWN
        return None if verified else self._recalled.get(key)

    def expects(self, transition: Transition) -> bool:
        """Tell if a first verdict only verifies what the last run knew."""
        recalled = self._recalled.get(transition.key)
        return (
            recalled is not None
            and transition.before is State.UNKNOWN
            and recalled.known.verdict is transition.after
        )

    def see(self, what: Effect | Report | Incident) -> None:
        """Take note of verdicts and votes: a witness of the runtime."""
        match what:
            case Transition(key) | Voted(key):
                self._changed[key] = None
            case _:
                pass

    def keep_only(self) -> None:
        """Forget the endpoints that are no longer watched."""
        for key in self._recalled.keys() - self._engine.endpoints.keys():
            del self._recalled[key]
        self._left = True

    async def run(self) -> None:
        """Keep what is known, until cancelled; call `save` afterwards."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if self._left:
                self._left = False
                await self._kept.keep_only(self._engine.endpoints.keys())
            if self._changed or self._clock() - self._noted >= ALIVE_SECONDS:
                await self.save()

    async def save(self) -> None:
        """Keep what has changed; what the disk does not take is tried again."""
        changed, self._changed = self._changed, {}
        if await self._kept.save([*self._rows(changed)], self._wall()):
            self._noted = self._clock()
            self._forget(changed)
        else:
            self._changed = changed | self._changed

    def _forget(self, changed: Iterable[EndpointKey]) -> None:
        """Let go of what was verified, and say so once when that is all of it."""
        endpoints, before = self._engine.endpoints, len(self._recalled)
        for key in changed:
            status, recalled = endpoints.get(key), self._recalled.get(key)
            if recalled and status and status.verdict is not State.UNKNOWN:
                del self._recalled[key]
                self._as_before += status.verdict is recalled.known.verdict
                self._otherwise += status.verdict is not recalled.known.verdict
        if before and not self._recalled:
            said = "[main] all is verified: %d endpoints are as before the restart, %d are not"
            log.info(said, self._as_before, self._otherwise)

    def _rows(self, keys: Iterable[EndpointKey]) -> Iterator[Known]:
        shift = self._wall() - self._clock()
        for key in keys:
            status = self._engine.endpoints.get(key)
            # While there is no verdict, what was known before this run is the best there is for the next one.
            if status is None or status.verdict is State.UNKNOWN:
                continue
            opinion = status.opinion
            since = status.verdict_since + shift
            yield Known(key, status.verdict, status.reason, since, opinion.state, opinion.reason)


def unexpected(expects: Callable[[Transition], bool], see: Witness) -> Witness:
    """Return what shows everything but verdicts that are as before the restart."""

    def show(what: Effect | Report | Incident) -> None:
        if not (isinstance(what, Transition) and expects(what)):
            see(what)

    return show
