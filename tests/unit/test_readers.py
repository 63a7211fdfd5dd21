"""Who waits for an answer gets it after those who came before, in turns as long as the event loop is busy with other things."""

import asyncio

import pytest

from rrdnsd.turns import MOST_SECONDS, SECONDS, Readers

STEP = 0.001


class Clock:
    """The time that work takes; nothing else does."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr("rrdnsd.turns.pace.monotonic", made)
    return made


@pytest.fixture
async def others(clock):
    """Work of others, so many seconds of it in each round of the event loop."""
    takes = [0.0]

    async def work():
        while True:
            clock.now += takes[0]
            await asyncio.sleep(0)

    task = asyncio.create_task(work())
    yield takes
    task.cancel()


async def answer(clock, turns, steps, done, name):
    """Work for an answer; notes who worked at each step."""
    for _ in range(steps):
        clock.now += STEP
        done.append(name)
        await turns.rest()


async def rounds(clock, takes, others, steps=60):
    """How many rounds of the event loop an answer takes beside others."""
    others[0] = takes
    count, done = 0, []
    task = asyncio.create_task(answer(clock, Readers().turns(), steps, done, "a"))
    while not task.done():
        await asyncio.sleep(0)
        count += 1
    return count


@pytest.mark.parametrize(
    ("takes", "turn"), [(0.0, SECONDS), (0.002, SECONDS), (0.006, 0.006), (0.05, MOST_SECONDS)]
)
async def test_a_turn_is_as_long_as_the_rest_before_it(clock, others, takes, turn):
    assert await rounds(clock, takes, others) == pytest.approx(60 * STEP / turn, abs=3)


async def test_who_came_first_is_answered_first(clock):
    readers, done = Readers(), []
    both = [answer(clock, readers.turns(), 40, done, name) for name in "ab"]
    await asyncio.gather(*both)
    last_of_first = len(done) - done[::-1].index("a")
    assert done[:last_of_first].count("b") <= SECONDS / STEP + 1  # its first turn, before it is asked to rest
    assert done.count("a") == done.count("b") == 40


async def test_what_nobody_waits_for_is_made_when_nobody_waits(clock):
    readers, done = Readers(), []
    behind = answer(clock, readers.behind(), 40, done, "behind")
    await asyncio.gather(behind, *(answer(clock, readers.turns(), 40, done, name) for name in "ab"))
    last = len(done) - max(done[::-1].index(name) for name in "ab")
    assert done[:last].count("behind") <= SECONDS / STEP + 1
    assert done.count("behind") == 40


async def test_what_somebody_waits_for_after_all_is_served_by_when_it_was_begun(clock):
    readers, done = Readers(), []
    pace = readers.behind()
    behind = asyncio.create_task(answer(clock, pace, 40, done, "behind"))
    reader = asyncio.create_task(answer(clock, readers.turns(), 40, done, "reader"))
    await asyncio.sleep(0)
    pace.hurry()
    await asyncio.gather(behind, reader)
    before = done[: len(done) - done[::-1].index("behind")]
    assert before.count("reader") <= SECONDS / STEP + 1


async def test_who_brings_little_need_not_queue(clock):
    readers, done = Readers(), []
    long = asyncio.create_task(answer(clock, readers.turns(), 400, done, "long"))
    await asyncio.sleep(0)
    await answer(clock, readers.turns(), 2, done, "short")
    assert not long.done()
    await long


async def test_who_waits_for_something_else_holds_up_nobody(clock):
    readers, done, gate = Readers(), [], asyncio.Event()

    async def blocked():
        turns = readers.turns()
        await answer(clock, turns, 10, done, "first")
        await gate.wait()
        await answer(clock, turns, 10, done, "first")

    first = asyncio.create_task(blocked())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await answer(clock, readers.turns(), 40, done, "second")
    assert not first.done()
    gate.set()
    await first


async def test_who_goes_away_holds_up_nobody(clock):
    readers, done = Readers(), []
    first = asyncio.create_task(answer(clock, readers.turns(), 10**6, done, "first"))
    second = asyncio.create_task(answer(clock, readers.turns(), 40, done, "second"))
    for _ in range(20):
        await asyncio.sleep(0)
    first.cancel()
    async with asyncio.timeout(10):
        await second
    assert done.count("second") == 40


async def test_there_is_one_reader_to_a_round(clock, others):
    """However many ask, everybody else has a turn after each of theirs."""
    others[0] = 0.02
    readers, done, count, seen = Readers(), [], 0, []
    tasks = [asyncio.create_task(answer(clock, readers.turns(), 60, done, name)) for name in "abc"]
    for _ in range(3):
        await asyncio.sleep(0)
    while not all(task.done() for task in tasks):
        before = len(done)
        await asyncio.sleep(0)
        count, seen = count + 1, [*seen, len(done) - before]
    assert sum(steps > MOST_SECONDS / STEP for steps in seen) <= len(
        tasks
    )  # one ends its work, the next begins
