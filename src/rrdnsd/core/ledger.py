"""What operators ordered, as every node comes to agree on it: the last writer wins, by hybrid logical clock.

An entry is replaced only by one with a higher stamp, and never forgotten while it can matter (a lifted order
stays as an entry without a value), so nodes that exchange entries in any order end with the same ledger.
Stamps follow Kulkarni et al., "Logical Physical Clocks" (2014): they grow with every write that a node has
seen, and stay near the time of day while clocks are right. A node whose clock is far ahead pulls the stamps of
all others after it, and that is all it can do: whoever has seen its order writes a later one.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, Self, TypeVar

from rrdnsd.errors import LedgerError

MAX_ENTRIES = 100_000
"""Entries of a ledger, lifted ones included."""

MAX_VALUE = 16 * 1024
"""Bytes of a value."""

MAX_KEY, MAX_NODE, MAX_WHO, MAX_WHY = 512, 255, 300, 1000
"""Characters of the other texts."""

MAX_WALL_MS = 253_402_300_799_999
"""The end of the year 9999."""

MAX_COUNTER = 2**31 - 1

_DIGEST_BYTES = 16

T = TypeVar("T")


class Stamp(NamedTuple):
    """When an entry was written: time of day in ms, a counter within it, and the node that wrote it."""

    wall_ms: int
    counter: int
    node: str

    def text(self) -> str:
        """Return it as text that sorts as stamps do."""
        return f"{self.wall_ms:015}.{self.counter:010}.{self.node}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text` wrote.

        Raises:
            ValueError: it is no stamp.

        """
        wall_ms, counter, node = text.split(".", 2)
        return cls(int(wall_ms), int(counter), node)


@dataclass(frozen=True, slots=True)
class Entry:
    """One order. `value` is canonical JSON text of an object, None once the order is lifted. `who` and `why` are people's.

    Raises:
        LedgerError: a part of it is out of bounds, so that no node would take it.

    """

    key: str
    stamp: Stamp
    value: str | None
    who: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        """Refuse what peers would refuse, before it is on its way to them."""
        _check(self)


def value_text(value: Mapping[str, object]) -> str:
    """Return a value as the canonical JSON text of an entry: keys sorted, no spaces, only ASCII."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)


@dataclass(slots=True)
class Ledger:
    """All entries this node knows, with a digest of them that costs one hash a change."""

    _entries: dict[str, Entry] = field(default_factory=dict)
    _sum: int = 0
    _latest: Stamp = field(default_factory=lambda: Stamp(0, 0, ""))
    _read: dict[Callable[["Ledger"], Any], tuple[int, Any]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def digest(self) -> str:
        """The digest of all entries."""
        return f"{self._sum:032x}"

    def __len__(self) -> int:
        """Count the entries, lifted ones included."""
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Go through the entries in order of key."""
        return iter(self.read(Ledger._sorted))

    def read(self, reader: Callable[["Ledger"], T]) -> T:
        """Return what a function makes of the entries; it is called again only once they have changed.

        That may be in a thread while they change: what was read of the old ones is not taken for the new ones.
        """
        before = self._sum
        known = self._read.get(reader)
        if known is None or known[0] != before:
            known = before, reader(self)
            self._read[reader] = known
        found: T = known[1]
        return found

    def keys(self) -> Iterable[str]:
        """Return the keys, in no order."""
        return self._entries.keys()

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, lifted or not."""
        return self._entries.get(key)

    def stamp(self, node: str, wall_ms: int) -> Stamp:
        """Return a stamp for a new entry: later than every entry and stamp known here, whatever the clock says.

        Raises:
            LedgerError: there is none: somebody has used the last one.

        """
        latest, wall_ms = self._latest, min(wall_ms, MAX_WALL_MS)
        if wall_ms > latest.wall_ms:
            self._latest = Stamp(wall_ms, 0, node)
        elif latest.counter < MAX_COUNTER:
            self._latest = Stamp(latest.wall_ms, latest.counter + 1, node)
        elif latest.wall_ms < MAX_WALL_MS:
            self._latest = Stamp(latest.wall_ms + 1, 0, node)
        else:
            raise LedgerError(
                "no order can be stamped later than those that stand: one has the last stamp there is"
            )
        return self._latest

    def check_room(self, keys: Iterable[str]) -> None:
        """See that entries with these keys would be taken in.

        Raises:
            LedgerError: there are too many entries.

        """
        if len(self._entries) + len(set(keys) - self._entries.keys()) > MAX_ENTRIES:
            raise LedgerError(
                f"the ledger is full: it holds {len(self._entries)} orders, lifted ones included, of at most {MAX_ENTRIES}"
            )

    def merge(self, entries: Iterable[Entry]) -> list[Entry]:
        """Take in entries, from here or elsewhere; return those that were news.

        Entries with new keys are left out while the ledger is full: `lacks` tells.
        """
        news = []
        for entry in entries:
            old = self._entries.get(entry.key)
            self._latest = max(self._latest, entry.stamp)
            if old is None and len(self._entries) >= MAX_ENTRIES:
                continue
            if old is not None and _rank(old) >= _rank(entry):
                continue
            self._entries[entry.key] = entry
            self._sum = (self._sum + _hash(entry) - (_hash(old) if old else 0)) % (1 << 8 * _DIGEST_BYTES)
            news.append(entry)
        return news

    def _sorted(self) -> tuple[Entry, ...]:
        return tuple(sorted(self._entries.values(), key=lambda entry: entry.key))

    def lacks(self, entries: Iterable[Entry]) -> bool:
        """Tell if some of these were left out because the ledger is full."""
        return any(entry.key not in self._entries for entry in entries)


def _rank(entry: Entry) -> tuple[Stamp, str, str, str]:
    # No node gives a stamp twice, but one that was set back to an old snapshot may: all take the same one then.
    return entry.stamp, entry.value or "", entry.who, entry.why


def _hash(entry: Entry) -> int:
    stamp = entry.stamp
    fields = (
        entry.key,
        str(stamp.wall_ms),
        str(stamp.counter),
        stamp.node,
        entry.value or "",
        entry.who,
        entry.why,
    )
    hasher = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for text in fields:
        data = text.encode()
        hasher.update(b"%d:%b" % (len(data), data))
    return int.from_bytes(hasher.digest())


def _check(entry: Entry) -> None:
    wall_ms, counter, node = entry.stamp
    if not 0 < len(entry.key) <= MAX_KEY or not _plain(entry.key):
        _refuse(f"its key must have 1 to {MAX_KEY} printable ASCII characters")
    if not 0 <= wall_ms <= MAX_WALL_MS or not 0 <= counter <= MAX_COUNTER:
        _refuse(
            f"its stamp must lie between the years 1970 and 9999, its counter between 0 and {MAX_COUNTER}"
        )
    if len(node) > MAX_NODE or not _plain(node):
        _refuse(f"the node of its stamp must have at most {MAX_NODE} printable ASCII characters")
    if not _fits(entry.who, MAX_WHO) or not _fits(entry.why, MAX_WHY):
        _refuse(f"who and why must be text of at most {MAX_WHO} and {MAX_WHY} characters")
    if entry.value is not None and entry.value != "{}":
        _check_value(entry.value)


def _check_value(text: str) -> None:
    if len(text) > MAX_VALUE:
        _refuse(f"its value has {len(text)} bytes, of at most {MAX_VALUE}")
    try:
        value = json.loads(text)
        canonical = isinstance(value, dict) and value_text(value) == text
    except (ValueError, RecursionError):
        canonical = False
    if not canonical:
        _refuse("its value must be a JSON object, keys sorted, without spaces, in ASCII")


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _fits(text: str, most: int) -> bool:
    try:
        return len(text) <= most and bool(text.encode()) is bool(text)
    except UnicodeEncodeError:  # lone surrogates
        return False


def _refuse(why: str) -> NoReturn:
    raise LedgerError(f"no node would take this order: {why}")
