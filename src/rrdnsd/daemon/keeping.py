"""What the keeper of a zone is told and tells of itself: its settings, its status, and why a name is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rrdnsd.core.plan import RemovalLimit
from rrdnsd.daemon.backoff import Backoff

PATIENCE = 3
"""How many times its usual wait a node lets those before it write a name that changes again and again."""


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """How a zone is kept. `interval` is the seconds between looks for drift; shadow means never write.

    `takeover` is how many seconds each node in line waits for the one before it.
    """

    interval: float = 30.0
    takeover: float = 1.0
    shadow: bool = False
    limit: RemovalLimit | None = field(default_factory=RemovalLimit)
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(slots=True)
class KeeperStatus:
    """How a keeper is doing, for the API. Times are on the keeper's clock."""

    reads: int = 0
    writes: int = 0
    messages: int = 0
    noops: int = 0
    failures: int = 0
    error: str = ""
    failing_since: float | None = None
    last_good: float | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """Why a name is to be looked at: decisions since then, the last one at `latest`, or the regular look for drift."""

    since: float
    latest: float
    drift: bool

    def at(self, wait: float) -> float:
        """Return when to look: after those before this node have had `wait` seconds for the latest decision."""
        return min(self.latest + wait, self.since + PATIENCE * wait)


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
