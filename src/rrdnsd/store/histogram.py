"""Latencies counted in fixed logarithmic buckets: small to keep, exact to merge, percentiles within ERROR.

The bounds never change, so histograms of any minute, hour and version can be added. A histogram is a
mapping from the number of a bucket to its count, without zeroes.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping

_PER_DECADE = 20
_LOWEST = 50e-6
_DECADES = 6

BOUNDS = tuple(_LOWEST * 10 ** (step / _PER_DECADE) for step in range(_DECADES * _PER_DECADE + 1))
"""The bounds of the buckets in seconds, from 50 microseconds to 50 seconds."""

ERROR = 10 ** (1 / (2 * _PER_DECADE)) - 1
"""The largest relative error of a percentile (5.93 %) between the lowest and the highest bound."""

Histogram = Mapping[int, int]

_MORE = 0x80


def bucket(seconds: float) -> int:
    """Return the number of the bucket: 0 is below the lowest bound, len(BOUNDS) from the highest upwards."""
    return bisect_right(BOUNDS, seconds)


def count(buckets: Iterable[int]) -> Histogram:
    """Count the numbers of buckets."""
    return Counter(buckets)


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """Add histograms."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        total.update(histogram)
    return total


def percentile(histogram: Histogram, share: float) -> float | None:
    """Return the nearest-rank percentile in seconds for a share of 0 to 1; None if nothing was counted.

    The true value is within ERROR of it; below and above the bounds, the nearest bound is returned.
    """
    total = sum(histogram.values())
    if not total:
        return None
    rank = max(1, math.ceil(share * total))
    for number in sorted(histogram):
        rank -= histogram[number]
        if rank <= 0:
            return _middle(number)
    raise AssertionError  # the ranks are those of what was summed


def encode(histogram: Histogram) -> bytes:
    """Write as pairs of bucket number and count, the count in LEB128: two bytes for a typical bucket."""
    out = bytearray()
    for number in sorted(histogram):
        out.append(number)
        left = histogram[number]
        while left >= _MORE:
            out.append(left & 0x7F | _MORE)
            left >>= 7
        out.append(left)
    return bytes(out)


def decode(blob: bytes) -> Histogram:
    """Read what `encode` wrote."""
    histogram: dict[int, int] = {}
    octets = iter(blob)
    for number in octets:
        value = shift = 0
        for octet in octets:
            value |= (octet & 0x7F) << shift
            shift += 7
            if octet < _MORE:
                break
        histogram[number] = value
    return histogram


def _middle(number: int) -> float:
    if number == 0:
        return BOUNDS[0]
    if number == len(BOUNDS):
        return BOUNDS[-1]
    return math.sqrt(BOUNDS[number - 1] * BOUNDS[number])
