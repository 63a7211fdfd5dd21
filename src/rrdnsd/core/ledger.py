"""What operators ordered, as every node comes to agree on it: the last writer wins, by hybrid logical clock.

An entry is replaced only by one with a higher stamp, and never forgotten while it can matter (a lifted order
stays as an entry without a value), so nodes that exchange entries in any order end with the same ledger.
Stamps follow Kulkarni et al., "Logical Physical Clocks" (2014): they grow with every write that a node has
seen, and stay near the time of day while clocks are right.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_DIGEST_BYTES = 16


class Stamp(NamedTuple):
    """When an entry was written: time of day in ms, a counter within it, and the node that wrote it."""

    wall_ms: int
    counter: int
    node: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One order. `value` is canonical JSON text, None once the order is lifted. `who` and `why` are people's."""

    key: str
    stamp: Stamp
    value: str | None
    who: str = ""
    why: str = ""


@dataclass(slots=True)
class Ledger:
    """All entries this node knows, with a digest of them that costs one hash a change."""

    _entries: dict[str, Entry] = field(default_factory=dict)
    _sum: int = 0
    _latest: Stamp = field(default_factory=lambda: Stamp(0, 0, ""))

    @property
    def digest(self) -> str:
        """The digest of all entries."""
        return f"{self._sum:032x}"

    def __iter__(self) -> Iterator[Entry]:
        """Go through the entries in order of key."""
        return iter(sorted(self._entries.values(), key=lambda entry: entry.key))

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, lifted or not."""
        return self._entries.get(key)

    def stamp(self, node: str, wall_ms: int) -> Stamp:
        """Return a stamp for a new entry: later than every entry known here, whatever the clock says."""
        latest = self._latest
        return (
            Stamp(wall_ms, 0, node)
            if wall_ms > latest.wall_ms
            else Stamp(latest.wall_ms, latest.counter + 1, node)
        )

    def merge(self, entries: Iterable[Entry]) -> list[Entry]:
        """Take in entries, from here or elsewhere; return those that were news."""
        news = []
        for entry in entries:
            old = self._entries.get(entry.key)
            if old is not None and old.stamp >= entry.stamp:
                continue
            self._sum = (self._sum + _hash(entry) - (_hash(old) if old else 0)) % (1 << 8 * _DIGEST_BYTES)
            self._entries[entry.key] = entry
            self._latest = max(self._latest, entry.stamp)
            news.append(entry)
        return news


def _hash(entry: Entry) -> int:
    text = f"{entry.key}|{entry.stamp.wall_ms}|{entry.stamp.counter}|{entry.stamp.node}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest())
