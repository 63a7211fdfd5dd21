"""How long a question waits on a connection that it shares, on a clock that does not wait."""

import asyncio
import struct
from unittest.mock import Mock

import pytest

from rrdnsd.providers.link import Link, Question
from support.virtual_time import run

PATIENCE = 5.0


def reply(link, *idents):
    for ident in idents:
        link.data_received(struct.pack("!HH", 2, ident))


def connected():
    link = Link()
    link.connection_made(Mock())
    return link


async def ended(task):
    """How many seconds from now a question ends, and whether with all its replies."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    (end,) = await asyncio.gather(task, return_exceptions=True)
    return pytest.approx(loop.time() - began, abs=0.01), end


def asking(link, *idents):
    return asyncio.create_task(link.ask(Question({n: n.to_bytes(2, "big") for n in idents}), PATIENCE))


def test_a_server_that_takes_one_after_the_other_has_the_time_for_each():
    async def main():
        link = connected()
        asked = [asking(link, number) for number in range(6)]
        for number in range(6):
            await asyncio.sleep(4)
            assert [task.done() for task in asked].count(True) == number
            reply(link, number)
        await asyncio.gather(*asked)
        assert link.usable

    run(main())


def test_all_replies_to_one_question_have_the_time_together():
    async def main():
        link = connected()
        task = asking(link, 1, 2, 3)
        for number in (1, 2):
            await asyncio.sleep(2)
            reply(link, number)
        took, end = await ended(task)
        assert (took, type(end)) == (1, TimeoutError)

    run(main())


def test_what_was_sent_later_gives_no_more_time():
    async def main():
        link = connected()
        first = asking(link, 1)
        await asyncio.sleep(1)
        later = asking(link, 2)
        await asyncio.sleep(3)
        reply(link, 2)
        await later
        took, end = await ended(first)
        assert (took, type(end)) == (1, TimeoutError)

    run(main())


def test_a_reply_to_what_was_sent_before_gives_time_once():
    async def main():
        link = connected()
        first, second = asking(link, 1), asking(link, 2)
        await asyncio.sleep(4)
        reply(link, 1)
        await first
        took, end = await ended(second)
        assert (took, type(end)) == (5, TimeoutError)

    run(main())


def test_after_a_timeout_nothing_more_is_asked_and_the_last_who_waits_closes_it():
    async def main():
        link = connected()
        first = asking(link, 1)
        await asyncio.sleep(3)
        second = asking(link, 2)
        await ended(first)
        assert not link.usable
        assert not link._transport.abort.called
        reply(link, 1, 2)
        await second
        assert link._transport.abort.called

    run(main())
