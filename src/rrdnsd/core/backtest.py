"""What other thresholds would have made of recorded probes: the daemon's own rules, on the past.

Recorded probes came when the thresholds of that time wanted them. Others may want more: after a first failure
an endpoint is probed again at once until it is decided. Within a stretch of equal results the answer to such a
probe is known, so it is put in; between two stretches nothing is invented.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import NamedTuple

from rrdnsd.core.health import Opinion, observe
from rrdnsd.core.model import State, Thresholds

_STOPPED_AFTER = 5
"""Intervals without a probe after which the daemon must have been stopped; it began anew then."""
_ROUNDING = 1e-6


class Stretch(NamedTuple):
    """Probes in a row with one result, evenly spread: the times of the first and the last of so many `probes`."""

    started: float
    last: float
    ok: bool
    probes: int


class Pace(NamedTuple):
    """Seconds between two probes: usually, and while a first failure is undecided."""

    interval: float
    fast: float


class Outage(NamedTuple):
    """A time in which an endpoint was taken for down: `failed` is the first failure, `down` the decision.

    `up` is when it was up again or, if it never was (`over` is False), the last probe of the record.
    """

    failed: float
    down: float
    up: float
    over: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """What thresholds made of an endpoint. `flips` counts its changes between up and down."""

    flips: int = 0
    outages: tuple[Outage, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Proposed thresholds against the present ones, for one endpoint.

    `missed` are outages that only the present ones find, `added` those that only the proposed ones find. Delays
    are seconds, positive where the proposed ones decide later, and are of what both find.
    """

    present: Replay
    proposed: Replay
    missed: tuple[Outage, ...]
    added: tuple[Outage, ...]
    down_delays: tuple[float, ...]
    up_delays: tuple[float, ...]


def compare(
    stretches: Sequence[Stretch], pace: Pace, present: Thresholds, proposed: Thresholds
) -> Comparison:
    """Replay the stretches of one endpoint, the oldest first, with both thresholds."""
    old, new = replay(stretches, pace, present), replay(stretches, pace, proposed)
    missed: list[Outage] = []
    added: list[Outage] = []
    down_delays: list[float] = []
    up_delays: list[float] = []
    for before, after in _incidents(old.outages, new.outages):
        if before and after:
            down_delays.append(after[0].down - before[0].down)
            if before[-1].over and after[-1].over:
                up_delays.append(after[-1].up - before[-1].up)
        else:
            missed += before
            added += after
    return Comparison(old, new, tuple(missed), tuple(added), tuple(down_delays), tuple(up_delays))


def replay(stretches: Sequence[Stretch], pace: Pace, thresholds: Thresholds) -> Replay:
    """Go through the probes of one endpoint as the daemon would have, the oldest first."""
    flips = 0
    outages: list[Outage] = []
    for piece in _pieces(stretches, pace):
        changes = list(_changes(piece, pace, thresholds))
        flips += max(0, len(changes) - 1)
        for number, change in enumerate(changes):
            if change.state is State.DOWN:
                over = number + 1 < len(changes)
                up = changes[number + 1].at if over else piece[-1].last
                outages.append(Outage(change.failed, change.at, up, over))
    return Replay(flips, tuple(outages))


class _Change(NamedTuple):
    """A new state, and when the failures began that led to it if it is down."""

    at: float
    state: State
    failed: float


def _changes(stretches: Iterable[Stretch], pace: Pace, thresholds: Thresholds) -> Iterator[_Change]:
    opinion, failed = Opinion(), 0.0
    for stretch in stretches:
        at = stretch.started
        while at < inf:
            before = opinion
            opinion = observe(before, ok=stretch.ok, reason="", thresholds=thresholds, now=at)
            if opinion is before:
                break  # nor will the rest of the stretch change anything
            if opinion.failures and not before.failures:
                failed = at
            if opinion.state is not before.state:
                yield _Change(at, opinion.state, failed)
            at = _next_probe(stretch, at, pace.fast if opinion.undecided else inf)


def _next_probe(stretch: Stretch, at: float, hurry: float) -> float:
    step = (stretch.last - stretch.started) / max(1, stretch.probes - 1)
    recorded = inf
    if step > 0:
        recorded = stretch.started + step * (floor((at - stretch.started) / step + _ROUNDING) + 1)
    probe = min(recorded, at + hurry)
    return probe if probe <= stretch.last + _ROUNDING else inf


def _pieces(stretches: Iterable[Stretch], pace: Pace) -> Iterator[list[Stretch]]:
    """Cut the record where the daemon did not run."""
    piece: list[Stretch] = []
    for stretch in stretches:
        if piece and stretch.started - piece[-1].last > _STOPPED_AFTER * pace.interval:
            yield piece
            piece = []
        piece.append(stretch)
    if piece:
        yield piece


def _incidents(
    old: Iterable[Outage], new: Iterable[Outage]
) -> Iterator[tuple[tuple[Outage, ...], tuple[Outage, ...]]]:
    """Put outages together that overlap: those that the one and the other thresholds found."""
    ends = -inf
    sides: tuple[list[Outage], list[Outage]] = ([], [])
    every = [*((outage, 0) for outage in old), *((outage, 1) for outage in new)]
    for outage, side in sorted(every):
        if outage.failed > ends and (sides[0] or sides[1]):
            yield tuple(sides[0]), tuple(sides[1])
            sides = ([], [])
        sides[side].append(outage)
        ends = max(ends, outage.up)
    if sides[0] or sides[1]:
        yield tuple(sides[0]), tuple(sides[1])
