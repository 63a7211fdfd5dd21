"""What the keeper of a zone is told and tells of itself: its settings, its status, and why a name is due."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rrdnsd.core.model import Applied
from rrdnsd.core.plan import RemovalLimit
from rrdnsd.daemon.backoff import Backoff

PATIENCE = 3
"""How many times its usual wait a node lets those before it write a name that changes again and again."""

_RCODES = re.compile(
    r"\b(FORMERR|SERVFAIL|NXDOMAIN|NOTIMP|REFUSED|YXDOMAIN|YXRRSET|NXRRSET|NOTAUTH|NOTZONE|BADSIG|BADKEY|BADTIME)\b"
)


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """How a zone is kept. `interval` is the seconds between looks for drift; shadow means never write.

    `takeover` is how many seconds each node in line waits for the one before it. A difference that the look for
    drift finds must stand for `settle` seconds before it is repaired: it may be a decision of another node that
    this one has not heard of yet.
    """

    interval: float = 30.0
    takeover: float = 1.0
    settle: float = 0.0
    shadow: bool = False
    limit: RemovalLimit | None = field(default_factory=RemovalLimit)
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(slots=True)
class KeeperStatus:
    """How a keeper is doing, for the API. Times are on the keeper's clock.

    `last_answer` is what the last update was answered: an RCODE, or a sentence that names it; "" before the first.
    `alarm` is what the guard refused at the last look, "" if nothing.
    `answers` counts the changes of one name by what they were answered, see `codes`.
    """

    reads: int = 0
    writes: int = 0
    messages: int = 0
    noops: int = 0
    failures: int = 0
    error: str = ""
    failing_since: float | None = None
    last_good: float | None = None
    last_answer: str = ""
    alarm: str = ""
    answers: Counter[str] = field(default_factory=Counter)

    def wrote(self, applied: Applied) -> None:
        """Take in what became of an update."""
        self.last_answer = answer(applied)
        self.answers.update(codes(applied))
        self.writes += len(applied.written)
        self.messages += applied.messages

    def unwritten(self, sentence: str, changes: int) -> None:
        """Take in that an update of so many names could not be made, and what was said to that."""
        self.last_answer = sentence
        self.answers[code_of(sentence)] += changes

    def failed(self, sentence: str, now: float) -> None:
        """Take in that the zone could not be brought to what is desired."""
        self.failures += 1
        self.error = sentence
        if self.failing_since is None:
            self.failing_since = now

    def succeeded(self, now: float, refusals: str) -> None:
        """Take in that it could, but for the names that the server refuses, if any."""
        self.last_good = now
        self.failures, self.failing_since = 0, None
        self.error = refusals


@dataclass(frozen=True, slots=True)
class Due:
    """Why a name is to be looked at: decisions since then, the last one at `latest`, or the regular look for drift.

    `seen` tells that a look for drift has found a difference before.
    """

    since: float
    latest: float
    drift: bool
    seen: bool = False

    def at(self, wait: float) -> float:
        """Return when to look: after those before this node have had `wait` seconds for the latest decision."""
        return min(self.latest + wait, self.since + PATIENCE * wait)


def answer(applied: Applied) -> str:
    """Say what a server answered to an update."""
    if applied.refused:
        return told(applied.refused)
    if applied.stale and not applied.written:
        return "a prerequisite failed (NXRRSET or YXRRSET): the records had changed meanwhile"
    return "NOERROR"


def codes(applied: Applied) -> Iterator[str]:
    """Give for each name how its change was answered: an RCODE, stale, or none."""
    yield from ("NOERROR" for _ in applied.written)
    yield from ("stale" for _ in applied.stale)
    yield from (code_of(sentence) for sentence in applied.refused.values())


def code_of(sentence: str) -> str:
    """Return the RCODE that a sentence names; "none" if no server has said any."""
    found = _RCODES.search(sentence)
    return found[0] if found else "none"


def told(refusals: Mapping[str, str]) -> str:
    """Say once for each sentence which names cannot be written."""
    names: dict[str, list[str]] = {}
    for name, sentence in sorted(refusals.items()):
        names.setdefault(sentence, []).append(name)
    return "; ".join(f"{some(group)}: {sentence}" for sentence, group in names.items())


def some(names: Sequence[str], at_most: int = 5) -> str:
    """Name the first few, and count the rest."""
    shown = ", ".join(names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
