"""The probes of each endpoint, run-length encoded: enough to ask what other thresholds would have done."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from rrdnsd.core.model import EndpointKey
from rrdnsd.store.database import Database
from rrdnsd.store.endpoints import number_of
from rrdnsd.store.jsontext import clean

_INSERT = "INSERT INTO run (endpoint, started, last, ok, count, reason) VALUES (?, ?, ?, ?, ?, ?)"

_SELECT = """
SELECT service, address, started, last, ok, count, reason
FROM endpoint CROSS JOIN run ON run.endpoint = endpoint.id
WHERE (:service IS NULL OR service = :service)
    AND (:address IS NULL OR address = :address)
    AND (:since IS NULL OR last >= :since)
    AND (:until IS NULL OR started < :until)
ORDER BY started DESC LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Probes in a row that all succeeded or all failed; `reason` is that of the first.

    `started` and `last` are when the first and the last of the `count` results came, in epoch seconds. A run
    is cut after an hour, and when the daemon starts or stops.
    """

    key: EndpointKey
    started: float
    last: float
    ok: bool
    count: int
    reason: str = ""

    def probes(self) -> Iterator[float]:
        """Return when the probes came back, as if they had been evenly spread."""
        step = (self.last - self.started) / max(1, self.count - 1)
        return (self.started + number * step for number in range(self.count))


class Runs:
    """The recorded runs. `unwritten` returns those that are still in memory."""

    def __init__(self, database: Database, unwritten: Callable[[], Sequence[Run]]) -> None:
        self._database = database
        self._unwritten = unwritten

    async def query(
        self,
        since: float | None = None,
        until: float | None = None,
        service: str | None = None,
        endpoint: str | None = None,
        limit: int = 50_000,
    ) -> tuple[Run, ...]:
        """Return the runs that touch this time, by endpoint and time; the newest `limit` of them if there are more.

        Raises:
            StoreError: the file cannot be read.

        """
        # Taken before reading: what is written meanwhile is found at least once.
        recent = [run for run in self._unwritten() if _touches(run, since, until, service, endpoint)]
        stored = await self._database.read(partial(_select, (service, endpoint, since, until, limit)))
        found = {(run.key, run.started): run for run in (*stored, *recent)}
        newest = sorted(found.values(), key=lambda run: run.started)[-limit:]
        return tuple(sorted(newest, key=lambda run: (run.key, run.started)))


def insert(runs: Iterable[Run], connection: sqlite3.Connection) -> None:
    """Write runs."""
    for run in runs:
        row = (
            number_of(connection, run.key, run.last),
            run.started,
            run.last,
            run.ok,
            run.count,
            clean(run.reason),
        )
        connection.execute(_INSERT, row)


def _touches(
    run: Run, since: float | None, until: float | None, service: str | None, address: str | None
) -> bool:
    return (
        (since is None or run.last >= since)
        and (until is None or run.started < until)
        and service in (None, run.key.service)
        and address in (None, run.key.address)
    )


def _select(
    wanted: tuple[str | None, str | None, float | None, float | None, int], connection: sqlite3.Connection
) -> list[Run]:
    values = dict(zip(("service", "address", "since", "until", "limit"), wanted, strict=True))
    return [
        Run(EndpointKey(service, address), started, last, bool(ok), count, reason)
        for service, address, started, last, ok, count, reason in connection.execute(_SELECT, values)
    ]
