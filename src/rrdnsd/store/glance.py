"""A look at what orders stand, before the store is opened: what the process may do is decided before it has threads."""

import sqlite3
from contextlib import closing
from pathlib import Path

from rrdnsd.errors import StoreError
from rrdnsd.store import ledger, membership
from rrdnsd.store.database import FILE_NAME
from rrdnsd.store.lastresort import open_to_read
from rrdnsd.store.ledger import LedgerEntry


def glance(state_dir: Path) -> tuple[tuple[LedgerEntry, ...], tuple[str, ...]]:
    """Return the orders and the nodes that were agreed on; nothing where there is no file that can be read.

    Who opens the store hears what is wrong with it.
    """
    path = state_dir / FILE_NAME
    if not path.exists():
        return (), ()
    try:
        with closing(open_to_read(path)) as connection:
            record = membership.read(connection)
            return ledger.read(connection), record.nodes if record else ()
    except (sqlite3.Error, OSError, StoreError):
        return (), ()
