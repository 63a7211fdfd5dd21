"""What of the orders a node has on its disk: it outlives the process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from rrdnsd.store.audit import AuditRow
from rrdnsd.store.ledger import LedgerEntry

SLOW = 0.4
"""Seconds at most that a transaction takes."""


@dataclass(slots=True)
class Disk:
    """Takes the place of `store.ledger.Ledger`. A process that dies before the end of a transaction has saved nothing."""

    rng: Random
    entries: dict[str, LedgerEntry] = field(default_factory=dict)

    async def save(self, entries: Sequence[LedgerEntry], audit_rows: Sequence[AuditRow] = ()) -> bool:  # noqa: ARG002 - the contract
        await asyncio.sleep(self.rng.uniform(0.001, self.rng.choice((0.01, SLOW))))
        for entry in entries:
            old = self.entries.get(entry.key)
            if old is None or old.stamp < entry.stamp:
                self.entries[entry.key] = entry
        return True

    async def load(self) -> tuple[LedgerEntry, ...]:
        return tuple(self.entries.values())
