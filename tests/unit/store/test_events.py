"""Appending, finding and bounding events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.errors import StoreError
from rrdnsd.store import events as module
from rrdnsd.store.events import EventFilter, open_events
from support.stores import Clock, opened_database


async def test_an_event_comes_back_whole(tmp_path):
    clock = Clock()
    async with opened_database(tmp_path) as database:
        events = await open_events(database, clock)
        made = events.append(
            "transition",
            "192.0.2.1 of www.example.org is down",
            service="www.example.org",
            endpoint="192.0.2.1",
            node="10.0.0.1",
            details={"ballots": {"10.0.0.1": "down"}, "failures": [1, 2.5, None, True]},
        )
        assert made.at == clock.now
        assert await events.query() == (made,)
        await events.flush()
        assert await events.query() == (made,)


async def test_ids_grow_over_restarts_even_when_events_were_lost(tmp_path):
    clock = Clock()
    async with opened_database(tmp_path) as database:
        events = await open_events(database, clock)
        events.append("start", "one")
        await events.flush()
        lost = events.append("stop", "never written")
    clock.now += 1
    async with opened_database(tmp_path) as database:
        events = await open_events(database, clock)
        assert events.append("start", "two").id > lost.id
    clock.now -= 1000
    async with opened_database(tmp_path) as database:
        events = await open_events(database, clock)
        first = (await events.query())[-1]
        assert events.append("start", "a clock went back").id > first.id


async def test_pages_backwards_and_follows_forwards():
    async with opened_database(None) as database:
        events = await open_events(database, Clock())
        made = [events.append("write", str(number)) for number in range(10)]
        await events.flush()
        made += [events.append("write", str(number)) for number in range(10, 20)]

        def texts(found):
            return [int(event.text) for event in found]

        assert texts(await events.query(limit=3)) == [19, 18, 17]
        assert texts(await events.query(EventFilter(before_id=made[11].id), limit=3)) == [10, 9, 8]
        assert texts(await events.query(EventFilter(after_id=made[8].id), limit=3)) == [9, 10, 11]
        assert texts(await events.query(EventFilter(after_id=made[-1].id))) == []


words = st.sampled_from(["a", "b", "ab"])
kept = st.lists(st.tuples(words, words, words, st.integers(0, 5)), max_size=12)
maybe = st.none() | words
wanted = st.builds(
    EventFilter,
    service=maybe,
    endpoint=maybe,
    kinds=st.none() | st.sets(words),
    since=st.none() | st.integers(0, 5),
    until=st.none() | st.integers(0, 5),
)


@given(kept, wanted, st.integers(0, 12))
@settings(max_examples=40, deadline=None)
async def test_the_database_filters_as_memory_does(made, wanted, split):
    async with opened_database(None) as database:
        events = await open_events(database, Clock())
        appended = []
        for number, (kind, service, endpoint, at) in enumerate(made):
            appended.append(events.append(kind, "", service=service, endpoint=endpoint, at=at))
            if number == split:
                await events.flush()
        expected = tuple(event for event in reversed(appended) if wanted.takes(event))
        assert await events.query(wanted) == expected


async def test_text_off_the_wire_does_no_harm():
    async with opened_database(None) as database:
        events = await open_events(database, Clock())
        events.append("noticed", "status \udcff\x00", details={"raw": "\udcff"})
        await events.flush()
        (event,) = await events.query()
        assert event.text == "status ?\x00"


async def test_details_that_the_disk_has_damaged_are_empty():
    async with opened_database(None) as database:
        events = await open_events(database, Clock())
        events.append("write", "fine", details={"a": 1})
        await events.flush()
        await database.write(lambda c: c.execute("UPDATE event SET details = '{\"a'"))
        (event,) = await events.query()
        assert (event.text, event.details) == ("fine", {})


async def test_the_queue_is_bounded_and_the_oldest_go_first(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "MOST_PENDING", 50)
    missing = tmp_path / "file"
    missing.touch()
    async with opened_database(missing / "folder", lambda _: None) as database:
        events = await open_events(database, Clock())
        for number in range(120):
            events.append("write", str(number))
        await events.flush()
        assert database.lost == 70
        with pytest.raises(StoreError):
            await events.query()
        missing.unlink()
        (missing / "folder").mkdir(parents=True)
        await database.write(lambda _: None)
        await events.flush()
        found = await events.query(limit=1000)
        assert [int(event.text) for event in found] == list(range(119, 69, -1))


async def test_an_event_that_makes_no_sense_does_not_hold_up_others():
    async with opened_database(None) as database:
        events = await open_events(database, Clock())
        events.append("write", "no time", at=float("nan"))
        await events.flush()
        assert database.lost == 1
        events.append("write", "fine")
        await events.flush()
        assert [event.text for event in await events.query()] == ["fine"]
