"""What Prometheus reads at GET /metrics, made from readings in turns so short that no probe waits for it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING, cast

from rrdnsd.metrics.names import Metric
from rrdnsd.metrics.tally import Distribution
from rrdnsd.turns import Ahead, Readers, ReaderTurns

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH = 1.0
"""Seconds for which the same text is shown to everybody who asks."""

OLDEST = 2.0
"""Seconds for which it is shown while the next one is made."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Values of one metric by their label values. Readings of one metric follow each other; each holds a hundred or so."""

    metric: Metric
    values: Sequence[tuple[tuple[str, ...], float | Distribution]]


@dataclass(frozen=True, slots=True)
class _Text:
    """All metrics, and the event loop's time when they were made."""

    text: bytes
    at: float


class Exposition:
    """Makes the text; readers who ask at the same time, or within a second, are shown the same one.

    `read` goes through the state of the daemon, a little with each step.
    """

    def __init__(self, read: Callable[[], Iterable[Readings]], readers: Readers) -> None:
        self._read = read
        self._texts = Ahead(self._make, readers, OLDEST)
        self._process: Callable[[], bytes] | None = None

    async def text(self) -> bytes:
        """Return all metrics in Prometheus' text format 0.0.4."""
        found = await self._texts.get(lambda last: _age(last) < OLDEST)
        return found.text

    async def _make(self, last: _Text | None, pace: ReaderTurns) -> _Text:
        if last and _age(last) < FRESH:
            return last
        if self._process is None:
            self._process = await asyncio.to_thread(_process)
        made = [self._process()]
        for text in render(self._read()):
            made.append(text)
            await pace.rest()
        return _Text(b"".join(made), asyncio.get_running_loop().time())


def _age(made: _Text) -> float:
    return asyncio.get_running_loop().time() - made.at


def render(readings: Iterable[Readings]) -> Iterator[bytes]:
    """Give the text piece by piece; what describes a metric stands before its first piece only."""
    from prometheus_client import generate_latest  # noqa: PLC0415 -- see _process

    last = None
    for reading in readings:
        text = generate_latest(_registry(_family(reading)))
        yield text if reading.metric is not last else text.split(b"\n", 2)[2]
        last = reading.metric


def _process() -> Callable[[], bytes]:
    """Return what tells of the process. In a thread: this loads the library, for which nobody pays who never asks."""
    from prometheus_client import ProcessCollector, generate_latest  # noqa: PLC0415 -- see above

    return partial(generate_latest, ProcessCollector(registry=None))


@dataclass(frozen=True, slots=True)
class _Families:
    families: "Sequence[Family]"

    def collect(self) -> "Iterable[Family]":
        return self.families


def _registry(*families: "Family") -> "Collector":
    return cast("Collector", _Families(families))


def _family(reading: Readings) -> "Family":
    from prometheus_client import metrics_core as made  # noqa: PLC0415 -- see _process

    metric = reading.metric
    if metric.kind == "histogram":
        histogram = made.HistogramMetricFamily(metric.name, metric.text, labels=metric.labels)
        for labels, value in reading.values:
            if isinstance(value, Distribution):
                histogram.add_metric(labels, _buckets(value), value.total)
        return histogram
    kind = made.CounterMetricFamily if metric.kind == "counter" else made.GaugeMetricFamily
    family = kind(metric.name, metric.text, labels=metric.labels)
    for labels, value in reading.values:
        if not isinstance(value, Distribution):
            family.add_metric(labels, value)
    return family


def _buckets(value: Distribution) -> list[tuple[str, float]]:
    bounds = chain((repr(float(bound)) for bound in value.bounds), repeat("+Inf"))
    return list(zip(bounds, accumulate(value.counts), strict=False))
