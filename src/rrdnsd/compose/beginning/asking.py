"""Asks endpoints once, through the probe types that the daemon uses, so many at a time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rrdnsd.compose.building import build_probe
from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.errors import RrdnsdError
from rrdnsd.probes.base import CheckSpec, Probe
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.probes.runner import Runner, close

AT_ONCE = 256
"""Probes under way at a time: quick for a zone of thousands of names, and no flood for anybody's firewall."""

TIMEOUT = 2.0
"""Seconds for one probe, as in the daemon by default."""

Tell = Callable[[int, int], None]
"""Is told how many of how many have answered so far."""


class Question(NamedTuple):
    """One endpoint, and what it is asked."""

    key: EndpointKey
    check: CheckSpec


def silent(_done: int, _all: int) -> None:
    """Tell nobody."""


async def ask_all(questions: Sequence[Question], tell: Tell = silent) -> list[ProbeResult]:
    """Probe each endpoint once and return the results in order; what cannot be probed here counts as failed."""
    types = ProbeTypes()
    asker = _Asker(asyncio.get_running_loop())
    found: list[ProbeResult] = []
    try:
        for start in range(0, len(questions), AT_ONCE):
            made = [_made(types, question) for question in questions[start : start + AT_ONCE]]
            found += await asker.ask(made)
            tell(len(found), len(questions))
    finally:
        await asker.close()
    return found


def said(result: ProbeResult) -> str:
    """Say what came back: "up in 12 ms", or the reason of the failure."""
    return f"up in {result.timings.total * 1000:.0f} ms" if result.ok else result.reason


def _made(types: ProbeTypes, question: Question) -> Probe | ProbeResult:
    try:
        return build_probe(types, question.check, question.key)
    except RrdnsdError as error:
        return ProbeResult(ok=False, reason=str(error), timings=Timings(0.0))


class _Asker:
    """Waits for the results of one batch."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[int, asyncio.Future[ProbeResult]] = {}
        # A bug of a plug-in is told by the reason of its result.
        self._runner = Runner(loop, self._take, lambda _probe, _bug: None)

    async def ask(self, made: Sequence[Probe | ProbeResult]) -> list[ProbeResult]:
        probes = [one for one in made if not isinstance(one, ProbeResult)]
        for probe in probes:
            self._waiting[id(probe)] = self._loop.create_future()
        waiting = dict(self._waiting)
        try:
            self._runner.start(probes)
            await asyncio.gather(*waiting.values())
        finally:
            self._waiting.clear()
        for probe in probes:
            close(probe)
        return [one if isinstance(one, ProbeResult) else waiting[id(one)].result() for one in made]

    async def close(self) -> None:
        await self._runner.close()

    def _take(self, results: Sequence[tuple[Probe, ProbeResult]]) -> None:
        for probe, result in results:
            if waiting := self._waiting.pop(id(probe), None):
                waiting.set_result(result)
