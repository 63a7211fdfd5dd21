"""What takes long is made behind the backs of those who may be shown the last one, and before the eyes of the others."""

import asyncio

import pytest

from rrdnsd.turns import Ahead, Readers
from support.idle import until_idle

KEEP = 3600.0


class Maker:
    """Makes numbers, each when it may; notes at which pace."""

    def __init__(self):
        self.may = asyncio.Event()
        self.may.set()
        self.began = asyncio.Event()
        self.paces = []
        self.trouble = None

    async def make(self, last, pace):
        self.began.set()
        self.paces.append(pace)
        await self.may.wait()
        if self.trouble:
            raise self.trouble
        return (last or 0) + 1


@pytest.fixture
def maker():
    return Maker()


@pytest.fixture
def ahead(maker):
    return Ahead(maker.make, Readers(), KEEP)


def always(_last):
    return True


def never(_last):
    return False


async def test_who_may_be_shown_the_last_one_does_not_wait_for_the_next(ahead, maker):
    assert await ahead.get(always) == 1
    maker.may.clear()
    assert [await ahead.get(always) for _ in range(5)] == [1] * 5
    maker.may.set()
    await until_idle()
    assert await ahead.get(always) == 2
    assert [pace.behind for pace in maker.paces] == [False, True]


async def test_who_may_be_shown_the_last_one_after_all_waits_no_longer(ahead, maker):
    assert await ahead.get(always) == 1
    maker.may.clear()
    asked = iter((False, False, True))
    assert await ahead.get(lambda _: next(asked)) == 1
    maker.may.set()
    await until_idle()
    assert [pace.behind for pace in maker.paces] == [False, False]
    assert await ahead.get(always) == 2


async def test_what_was_begun_for_somebody_who_goes_is_ended_for_the_others(ahead, maker):
    await ahead.newest()
    maker.may.clear()
    maker.began.clear()
    waiting = asyncio.create_task(ahead.get(never))
    await maker.began.wait()
    waiting.cancel()
    maker.may.set()
    await until_idle()
    assert await ahead.get(always) == 2


async def test_who_may_not_waits(ahead, maker):
    assert await ahead.get(never) == 1
    assert await ahead.get(never) == 2
    assert await ahead.newest() == 3
    assert [pace.behind for pace in maker.paces] == [False] * 3


async def test_who_asks_while_one_is_made_shares_the_next(ahead, maker):
    maker.may.clear()
    first = asyncio.create_task(ahead.newest())
    await maker.began.wait()
    others = [asyncio.create_task(ahead.get(never)) for _ in range(5)]
    await asyncio.sleep(0)
    assert len(maker.paces) == 1
    maker.may.set()
    assert await first == 1
    assert await asyncio.gather(*others) == [2] * 5


async def test_who_asks_before_it_is_begun_shares_it(ahead, maker):
    assert await asyncio.gather(*(ahead.newest() for _ in range(5))) == [1] * 5
    assert len(maker.paces) == 1


@pytest.mark.parametrize("through_another", [False, True])
async def test_what_is_made_behind_hurries_when_somebody_waits_for_it(maker, through_another):
    readers = Readers()
    inner = outer = Ahead(maker.make, readers, KEEP)

    async def through(_last, pace):
        return await inner.newest(pace)

    if through_another:
        outer = Ahead(through, readers, KEEP)
    await outer.newest()
    maker.may.clear()
    maker.began.clear()
    await outer.get(always)
    await maker.began.wait()
    assert maker.paces[-1].behind
    waiting = asyncio.create_task(outer.newest())
    await asyncio.sleep(0)
    assert not maker.paces[-1].behind
    maker.may.set()
    assert await waiting == 3


async def test_what_fails_behind_is_met_by_who_waits(ahead, maker):
    assert await ahead.get(always) == 1
    maker.trouble = OSError("no")
    assert await ahead.get(always) == 1
    await until_idle()
    assert await ahead.get(always) == 1
    with pytest.raises(OSError, match="no"):
        await ahead.get(never)
    await until_idle()
    maker.trouble = None
    assert await ahead.get(never) == 2


async def test_what_is_old_is_not_kept(maker):
    ahead = Ahead(maker.make, Readers(), keep=0.0)
    assert await ahead.get(always) == 1
    gone = asyncio.Event()
    asyncio.get_running_loop().call_later(0.0, gone.set)
    await gone.wait()
    assert await ahead.get(always) == 1
    assert [pace.behind for pace in maker.paces] == [False] * 2
