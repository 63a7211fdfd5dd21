"""The room for messages on their way: its size, its order, and that nobody who gives up leaves it smaller."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.providers.room import Room
from support.virtual_time import run

SIZE = 10


class Guests:
    """Those who hold room at the moment, and those who ever did, in their order."""

    def __init__(self):
        self.room = Room(SIZE)
        self.inside = {}
        self.came = []

    async def visit(self, name, count, seconds):
        async with self.room.hold(count):
            self.inside[name] = count
            self.came.append(name)
            try:
                await asyncio.sleep(seconds)
            finally:
                del self.inside[name]


def test_those_who_come_first_go_first_even_where_a_smaller_one_would_fit():
    async def main():
        guests = Guests()
        visits = [("first", 6, 2), ("large", 8, 1), ("small", 1, 1)]
        tasks = [asyncio.create_task(guests.visit(*visit)) for visit in visits]
        await asyncio.sleep(1)
        assert guests.inside == {"first": 6}
        await asyncio.sleep(1.5)
        assert guests.inside == {"large": 8, "small": 1}
        await asyncio.gather(*tasks)

    run(main())


def test_what_is_larger_than_the_room_has_it_to_itself():
    async def main():
        guests = Guests()
        visits = [("small", 1, 1), ("huge", 5 * SIZE, 1), ("next", 1, 1)]
        tasks = [asyncio.create_task(guests.visit(*visit)) for visit in visits]
        for expected in ({"small"}, {"huge"}, {"next"}):
            await asyncio.sleep(0.5)
            assert guests.inside.keys() == expected
            await asyncio.sleep(0.5)
        await asyncio.gather(*tasks)

    run(main())


def test_one_who_is_let_in_and_gives_up_in_the_same_moment_leaves_the_room_as_it_was():
    async def main():
        guests = Guests()
        first = asyncio.create_task(guests.visit("first", SIZE, 1))
        second = asyncio.create_task(guests.visit("second", SIZE, 1))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)  # the first leaves, the second has its turn and does not know yet
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert guests.came == ["first"]
        async with asyncio.timeout(10):
            await guests.visit("third", SIZE, 1)

    run(main())


VISITS = st.tuples(st.integers(1, 2 * SIZE), st.integers(0, 3), st.none() | st.integers(0, 6))


@given(st.lists(VISITS, max_size=12))
def test_there_is_never_more_than_fits_and_in_the_end_all_is_free(visits):
    async def main():
        guests = Guests()
        loop = asyncio.get_running_loop()
        tasks = [
            asyncio.create_task(guests.visit(number, count, seconds))
            for number, (count, seconds, _) in enumerate(visits)
        ]
        for task, (_, _, given_up) in zip(tasks, visits, strict=True):
            if given_up is not None:
                loop.call_later(given_up, task.cancel)
        while not all(task.done() for task in tasks):
            assert sum(min(count, SIZE) for count in guests.inside.values()) <= SIZE
            await asyncio.sleep(0.5)
        assert guests.came == sorted(guests.came)
        async with asyncio.timeout(1):
            await guests.visit("last", SIZE, 0)

    run(main())


@pytest.mark.parametrize("count", [1, SIZE])
def test_nobody_waits_where_there_is_room(count):
    async def main():
        room = Room(SIZE)
        entering = room.hold(count).__aenter__()
        with pytest.raises(StopIteration):
            entering.send(None)

    run(main())
