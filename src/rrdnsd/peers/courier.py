"""Which orders one peer has not confirmed, and when all of them go out to it because the ledgers differ.

Both sides push: a node sends what it has, and never asks. Ledgers that differ with nothing left to send may
become equal by what is on its way from elsewhere, so a full push waits for a moment, and the next one longer.
"""

import random
from collections.abc import Callable, Iterable
from itertools import islice

from rrdnsd.core.ledger import Entry, Ledger
from rrdnsd.peers import wire

MAX_BYTES = 128 * 1024
"""About how much of a message orders may take, so that votes always have their place beside them."""

PATIENCE, MOST_PATIENCE = 1.0, 60.0
"""Seconds that ledgers must differ before all entries go out, at first and after many times in vain."""


class Courier:
    """Carries one node's orders to one peer. `clock` is monotonic, in seconds."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._due: dict[str, None] = {}
        self._takes = True
        self._push_at: float | None = None
        """When all entries go out if the ledgers still differ; None while they are equal."""
        self._patience = 0.0

    def __len__(self) -> int:
        """Count the orders that the peer has not confirmed."""
        return len(self._due)

    def announce(self, keys: Iterable[str]) -> None:
        """Include the entries of these keys until the peer confirms them."""
        self._due.update(dict.fromkeys(keys))

    @property
    def takes(self) -> bool:
        """Tell if the peer knows what orders are, as far as we know."""
        return self._takes

    def confirmed_all(self, keys: Iterable[str]) -> bool:
        """Tell if the peer has confirmed all of these that were announced."""
        return self._takes and self._due.keys().isdisjoint(keys)

    def pick(self) -> tuple[Entry, ...]:
        """Return the entries for the next message."""
        if not self._takes:
            return ()
        chosen: list[Entry] = []
        room = MAX_BYTES
        for key in islice(self._due, wire.MAX_ENTRIES):
            entry = self._ledger.get(key)
            if entry is None:
                continue
            room -= _size(entry)
            if room < 0 and chosen:
                break
            chosen.append(entry)
        return tuple(chosen)

    def met(self) -> None:
        """Begin anew: the peer was restarted, and may have forgotten what it had not saved, or be of another version."""
        self._takes = True
        self._push_at, self._patience = None, 0.0

    def answered(self, sent: Iterable[Entry], theirs: str, *, refused: bool) -> bool:
        """Take in that a message arrived; `theirs` is the digest of the peer's ledger then, "" if it knows of none.

        Returns True if there is more to say at once.
        """
        self._takes = theirs != ""
        if not self._takes:
            return False
        if theirs == self._ledger.digest:
            self._due.clear()
            self._push_at, self._patience = None, PATIENCE
            return False
        if refused:
            # Others may be taken meanwhile: these come last. The next heartbeat tries.
            self._drop(sent, again=True)
            return False
        self._drop(sent, again=False)
        return bool(self._due) or self._push_all()

    def _drop(self, sent: Iterable[Entry], *, again: bool) -> None:
        for entry in sent:
            if self._ledger.get(entry.key) == entry and entry.key in self._due:
                del self._due[entry.key]
                if again:
                    self._due[entry.key] = None

    def _push_all(self) -> bool:
        """Let all entries go out if the ledgers have differed for long enough; returns True if they do."""
        now = self._clock()
        if self._push_at is None:
            self._push_at = now + self._patience
        if now < self._push_at:
            return False
        self._patience = min(max(2 * self._patience, PATIENCE), MOST_PATIENCE)
        self._push_at = now + self._patience * random.uniform(1, 1.5)  # noqa: S311 -- jitter
        self.announce(self._ledger.keys())
        return bool(self._due)


def _size(entry: Entry) -> int:
    """Return how many bytes an entry takes on the wire at most: JSON escapes a character with up to six."""
    return 150 + 2 * len(entry.value or "") + 6 * (len(entry.who) + len(entry.why)) + len(entry.key)
