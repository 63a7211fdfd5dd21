"""Endpoints by number, so that each row of history need not spell its names."""

import sqlite3

from rrdnsd.core.model import EndpointKey

_DAY = 86400


def number_of(connection: sqlite3.Connection, key: EndpointKey, at: float) -> int:
    """Return the number of an endpoint that is seen at this time (epoch seconds); a new one gets the next number."""
    day = int(at // _DAY)
    found = connection.execute(
        "SELECT id, seen FROM endpoint WHERE service = ? AND address = ?", key
    ).fetchone()
    if not found:
        connection.execute("INSERT INTO endpoint (service, address, seen) VALUES (?, ?, ?)", (*key, day))
        return number_of(connection, key, at)
    number, seen = found
    if seen < day:
        connection.execute("UPDATE endpoint SET seen = ? WHERE id = ?", (day, number))
    return int(number)


def prune(connection: sqlite3.Connection, older_than: float) -> None:
    """Forget the endpoints not seen since this time, which must be so long ago that no history of them is left."""
    connection.execute("DELETE FROM endpoint WHERE seen < ?", (older_than // _DAY,))
