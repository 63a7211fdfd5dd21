"""The probe type `heartbeat`: the endpoint itself calls in, and is up for a while after each call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import ClassVar, NamedTuple

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import CheckSpec


class Beat(NamedTuple):
    """A call of an endpoint: when (on the board's clock), and what it said of itself: "" is well, else why not."""

    at: float
    trouble: str = ""


@dataclass(eq=False, slots=True)
class Board:
    """The last call of each endpoint, as this node has heard of it. All methods are for the event loop's thread."""

    clock: Callable[[], float] = monotonic
    beats: dict[EndpointKey, Beat] = field(default_factory=dict)
    began: float = field(init=False)
    _waiting: dict[EndpointKey, asyncio.Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def beat(self, key: EndpointKey, trouble: str = "", age: float = 0.0) -> bool:
        """Take in a call that came `age` seconds ago; False if a later one is known already."""
        at = self.clock() - age
        known = self.beats.get(key)
        if known is not None and known.at >= at:
            return False
        self.beats[key] = Beat(at, trouble)
        event = self._waiting.pop(key, None)
        if event is not None:
            event.set()
        return True

    async def heard(self, key: EndpointKey) -> None:
        """Wait for the next call of this endpoint."""
        await self._waiting.setdefault(key, asyncio.Event()).wait()

    def keep_only(self, keys: frozenset[EndpointKey]) -> None:
        """Forget the endpoints that are no longer watched."""
        for key in self.beats.keys() - keys:
            del self.beats[key]


class HeartbeatProbe:
    """Looks at the board. Until `within` has passed since the start, it waits for a first call and says nothing.

    Where there is no board (`rrdnsd plan`) nobody can call, and every endpoint is taken to be well.
    """

    at_once: ClassVar[int] = 1_000_000
    """All of them: a look costs nothing, and after the start each may have to wait."""

    def __init__(self, key: EndpointKey, within: float, board: Board | None) -> None:
        self.key = key
        self.timeout = within + 60.0
        self._within = within
        self._board = board

    async def probe(self) -> ProbeResult:
        """Look once."""
        began, board = monotonic(), self._board
        if board is None:
            return ProbeResult(ok=True, reason="", timings=Timings(0.0))
        left = board.began + self._within - board.clock()
        if self.key not in board.beats and left > 0:
            try:
                async with asyncio.timeout(left):
                    await board.heard(self.key)
            except TimeoutError:
                pass
        reason = judge(board.beats.get(self.key), board.clock(), self._within)
        return ProbeResult(not reason, reason, Timings(monotonic() - began))

    def close(self) -> None:
        """Nothing is kept between probes."""


def judge(beat: Beat | None, now: float, within: float) -> str:
    """Tell what is wrong with the last call of an endpoint; "" when nothing is."""
    if beat is None:
        return f"it has not called in {within:g} s"
    if now - beat.at > within:
        return f"its last call was {now - beat.at:.0f} s ago, at most {within:g} s are allowed"
    return beat.trouble


def build(spec: CheckSpec, key: EndpointKey) -> HeartbeatProbe:
    """Make the probe of one endpoint. The options are `within` in seconds, and the `board` that calls are noted on.

    Raises:
        ConfigError: the template is not ``heartbeat://{}``.

    """
    within, board = spec.options.get("within", 60.0), spec.options.get("board")
    if spec.healthcheck != "heartbeat://{}" or not isinstance(within, float):
        raise ConfigError(key.service, [f"{spec.healthcheck!r} is not of the form heartbeat://{{}}"])
    return HeartbeatProbe(key, within, board if isinstance(board, Board) else None)
