"""How readings are given: a hundred at a time, so that the event loop can do other things between."""

from collections.abc import Iterable, Iterator
from itertools import islice

from rrdnsd.metrics.names import Metric
from rrdnsd.metrics.prometheus import Readings
from rrdnsd.metrics.tally import Distribution

Value = tuple[tuple[str, ...], float | Distribution]

_PART = 100


def each(metric: Metric, values: Iterable[Value], size: int = _PART) -> Iterator[Readings]:
    """Give the values of one metric, so many at a time; with none of them, the metric alone."""
    left = iter(values)
    part = list(islice(left, size))
    yield Readings(metric, part)
    while part := list(islice(left, size)):
        yield Readings(metric, part)


def one(metric: Metric, value: float | Distribution) -> Readings:
    """Give a metric without labels."""
    return Readings(metric, [((), value)])
