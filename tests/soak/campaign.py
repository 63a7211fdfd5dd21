"""From a seed to storms: what goes wrong when, and until when. Between two storms all is well.

Storm number n of a seed is always the same, and needs none of those before it. Kinds come from a shuffled deck, so that
each of them comes once before any comes again.
"""

from dataclasses import dataclass
from random import Random

from soak.kinds import ADDRESSES, KINDS, NODES, Fault, claims

LENGTH = 18.0
"""Seconds after which a storm is over."""
BEGINNING = 9.0
"""Until then all of its faults have begun."""
FAULTS = (6, 9)
TRIES = 30


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault and when it stands, in seconds from the beginning of its storm."""

    at: float
    until: float
    fault: Fault


def storm(seed, number):
    """Return the faults of a storm (0 is the first), in the order in which they begin."""
    draw = Random(f"{seed} storm {number}")
    kinds = _kinds(seed, number)
    planned: list[Planned] = []
    for kind in kinds:
        for _ in range(TRIES):
            one = _draw(draw, kind, elder(seed))
            if all(_compatible(one, other) for other in planned):
                planned.append(one)
                break
    return tuple(sorted(planned, key=lambda one: (one.at, str(one.fault))))


def drift(seed, number):
    """Return what somebody does by hand in the calm after a storm, when nothing else makes a node look at DNS."""
    return Fault("record removed", Random(f"{seed} drift {number}").choice(ADDRESSES))


def elder(seed):
    """Return the node that is never killed: its memory is watched for the whole run, and its clock is the one that can be wrong."""
    return Random(f"{seed} elder").choice(NODES)


def _kinds(seed, number):
    """Deal the kinds of a storm from one deck after the other; none twice in a storm."""
    sizes = [Random(f"{seed} size {before}").randint(*FAULTS) for before in range(number + 1)]
    first, last = sum(sizes[:-1]), sum(sizes)
    decks = [_deck(seed, deck) for deck in range(first // len(KINDS), last // len(KINDS) + 1)]
    dealt = [kind for deck in decks for kind in deck]
    offset = first % len(KINDS)
    return list(dict.fromkeys(dealt[offset : offset + sizes[-1]]))


def _deck(seed, number):
    kinds = sorted(KINDS)
    Random(f"{seed} deck {number}").shuffle(kinds)
    return kinds


def _draw(draw, kind, spared):
    made = KINDS[kind]
    targets = [target for target in made.targets if _fits(kind, target, spared)]
    at, lasting = draw.uniform(0, BEGINNING), draw.uniform(made.least, made.most)
    until = min(at + lasting, LENGTH)
    return Planned(
        round(at, 2), round(until, 2) if lasting else round(at, 2), Fault(kind, draw.choice(targets))
    )


def _fits(kind, target, spared):
    """A clock that can be set makes a start slow: only the node that is started once has one."""
    if kind == "clock wrong":
        return target == spared
    return kind != "node killed" or target != spared


def _compatible(one, other):
    """Two faults may stand together if they claim different things; one that is done at once keeps its claim."""
    if not claims(one.fault) & claims(other.fault):
        return True
    if one.at == one.until or other.at == other.until:
        return False
    return one.until < other.at or other.until < one.at
