"""The drawings of the dashboard, as the `d` attributes of SVG paths: figures in, a short text out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from rrdnsd.control.reports import SpanReport

SPARK_WIDTH = 240
SPARK_HEIGHT = 40
COLUMN_WIDTH = 4
BAR_HEIGHT = 14
TICK_WIDTH = 4
TICK_HEIGHT = 20


@dataclass(frozen=True, slots=True)
class Spark:
    """A line of latencies, an area below it up to the 90th percentile, and the end of the line."""

    line: str
    band: str
    low_ms: float
    high_ms: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One column for each span: what was up from the bottom, what was down above it, a dash where nothing is known.

    `whole` and `nothing` are lines through columns of one kind, which a dashed stroke takes apart.
    """

    whole: str
    up: str
    down: str
    nothing: str
    width: int


def spark(spans: Sequence[SpanReport], since: float, until: float) -> Spark | None:
    """Draw the median latency of the spans between two times; None if there is too little to draw a line."""
    known = [span for span in spans if span.p50_ms is not None and since <= span.start < until]
    if len(known) < 2:  # noqa: PLR2004 -- two points make a line
        return None
    medians = [span.p50_ms or 0.0 for span in known]
    uppers = [max(span.p90_ms or 0.0, span.p50_ms or 0.0) for span in known]
    top = max(0.001, *uppers) * 1.05
    first, last = known[0].start, known[-1].start
    xs = [round((span.start - first) / (last - first) * SPARK_WIDTH) for span in known]
    return Spark(
        line=_path(xs, medians, top),
        band=f"{_path(xs, uppers, top)}V{SPARK_HEIGHT}H0z",
        low_ms=min(medians),
        high_ms=max(medians),
    )


def bar(spans: Sequence[SpanReport], since: float, until: float, step: int) -> Bar:
    """Draw the uptime of each span of `step` seconds between two times."""
    first = int(since // step * step)
    columns = max(1, int(until - 1) // step - first // step + 1)
    shares = {(span.start - first) // step: span.uptime for span in spans if span.uptime is not None}
    whole, up, down, nothing = [], [], [], []
    for share, run in groupby(range(columns), shares.get):
        here = [*run]
        x, width = here[0] * COLUMN_WIDTH, len(here) * COLUMN_WIDTH
        if share is None:
            nothing.append(f"M{x} {BAR_HEIGHT - 1}h{width}")
        elif share >= 1:
            whole.append(f"M{x} {BAR_HEIGHT // 2}h{width}")
        else:
            # A short outage must not vanish: it takes at least two pixels of its column.
            lost = min(BAR_HEIGHT, max(2, round((1 - share) * BAR_HEIGHT)))
            for column in here:
                left = column * COLUMN_WIDTH
                down.append(f"M{left} 0h3v{lost}h-3z")
                if lost < BAR_HEIGHT:
                    up.append(f"M{left} {lost}h3v{BAR_HEIGHT - lost}h-3z")
    return Bar("".join(whole), "".join(up), "".join(down), "".join(nothing), columns * COLUMN_WIDTH)


def ticks(states: Iterable[Iterable[str]]) -> tuple[Mapping[str, str], int]:
    """Draw one tick for each endpoint, services apart from each other: up is low, down is high, drained is open.

    Return the path of each state, and the width of the whole.
    """
    paths: dict[str, list[str]] = {}
    x = 0
    for service in states:
        for state in service:
            paths.setdefault(state, []).append(f"M{x} {_TICKS.get(state, _TICKS['unknown'])}")
            x += TICK_WIDTH
        x += TICK_WIDTH // 2
    return {state: "".join(found) for state, found in paths.items()}, max(x, 1)


_TICKS = {
    "up": "12h3v8h-3z",
    "down": "0h3v20h-3z",
    "drained": "8h3v2h-3zm0 5h3v2h-3zm0 5h3v2h-3z",
    "unknown": "14h3v3h-3z",
}


def _path(xs: Sequence[int], values: Sequence[float], top: float) -> str:
    ys = [round(SPARK_HEIGHT - value / top * SPARK_HEIGHT) for value in values]
    steps = (f"{x - x0} {y - y0}" for (x0, x), (y0, y) in zip(pairwise(xs), pairwise(ys), strict=True))
    return f"M{xs[0]} {ys[0]}l{' '.join(steps)}"
