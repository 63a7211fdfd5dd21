"""Saves orders in pairs, each with its audit row, several at a time, and prints the number of each that is kept.

Started by test_kill.py, which kills it.
"""

import asyncio
import os
import sys
from pathlib import Path

from rrdnsd.store.audit import AuditRow
from rrdnsd.store.ledger import LedgerEntry
from rrdnsd.store.room import open_store

AT_A_TIME = 8


async def main(folder, total):
    store = await open_store(Path(folder), print)
    numbers = iter(range(total))

    async def work():
        for number in numbers:
            entries = [LedgerEntry(f"{number} {half}", "0001", {"half": half}) for half in ("a", "b")]
            audit = AuditRow(float(number), "ann", "drain", str(number), "a test", request_id=str(number))
            await store.ledger.save(entries, [audit])
            os.write(1, f"{number}\n".encode())

    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
