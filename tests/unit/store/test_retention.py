"""What is old or too much is forgotten, and nothing else."""

from functools import partial

from rrdnsd.core.model import EndpointKey
from rrdnsd.store import history
from rrdnsd.store.audit import AuditRow
from rrdnsd.store.ledger import LedgerEntry
from rrdnsd.store.recorder import Harvest
from rrdnsd.store.retention import Retention, prune_history, prune_lists
from rrdnsd.store.runs import Run
from rrdnsd.store.runs import insert as insert_runs
from support.stores import opened_store, rows

KEY = EndpointKey("www.example.org", "192.0.2.1")
GONE = EndpointKey("old.example.org", "192.0.2.9")
KEPT = Retention(
    events=100,
    most_events=5,
    audit=100,
    most_audit=5,
    minutes=120,
    hours=7200,
    runs=100,
    most_runs=5,
)


async def prune(store, prune_what, now):
    await store.database.write(partial(prune_what, KEPT, now))


async def test_lists_are_bounded_by_age_and_by_number():
    async with opened_store(None) as store:
        for at in (0, 50, 950, 960, 970):
            store.events.append("write", str(at), at=at)
            await store.audit.record(AuditRow(at, "", "", str(at), ""))
            await store.database.write(lambda c, at=at: insert_runs([Run(KEY, at, at, True, 1)], c))
        await store.events.flush()
        await prune(store, prune_lists, 1000)
        assert [event.at for event in await store.events.query()] == [970, 960, 950]
        assert [row.at for row in await store.audit.query()] == [970, 960, 950]
        assert [run.last for run in await store.runs.query()] == [950, 960, 970]
        for at in range(971, 980):
            store.events.append("write", str(at), at=at)
        await store.events.flush()
        await prune(store, prune_lists, 1000)
        assert [event.at for event in await store.events.query()] == [979, 978, 977, 976, 975]


async def test_spans_are_forgotten_some_at_a_time():
    async with opened_store(None) as store:
        for minute in range(40):
            await store.database.write(
                lambda c, at=minute * 60: history.insert([Harvest(KEY, b"\x01", 1, 1)], at, c)
            )

        async def minutes():
            return [
                start // 60
                for (start,) in await rows(
                    store.database, "SELECT start FROM span WHERE width = 60 ORDER BY start"
                )
            ]

        await prune(store, prune_history, 40 * 60)
        assert await minutes() == list(range(10, 40))
        for _ in range(5):
            await prune(store, prune_history, 40 * 60)
        assert await minutes() == [38, 39]
        assert len((await store.history.spans(0, 3600))[KEY]) == 1
        await prune(store, prune_history, 4 * 3600)
        assert await store.history.spans(0, 3600) == {}


async def test_endpoints_without_history_are_forgotten_and_orders_never():
    async with opened_store(None) as store:
        day = 86400
        await store.ledger.save([LedgerEntry("a", "1", 1, at=0.0)])
        for key, at in ((GONE, 0), (KEY, 0), (KEY, 3 * day)):
            await store.database.write(
                lambda c, key=key, at=at: history.insert([Harvest(key, b"\x01", 1, 1)], at, c)
            )
        await prune(store, prune_lists, 3 * day)
        assert await rows(store.database, "SELECT service FROM endpoint") == [("www.example.org",)]
        assert len(await store.ledger.load()) == 1
