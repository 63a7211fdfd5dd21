"""The framed TCP exchange, against servers that misbehave on loopback."""

import asyncio
import struct
from contextlib import asynccontextmanager

import pytest

from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.exchange import AT_ONCE, TcpExchange
from support.ports import free_port


def message(ident, body=b"question"):
    return ident.to_bytes(2, "big") + body


def frame(data):
    return struct.pack("!H", len(data)) + data


async def read_frame(reader):
    (length,) = struct.unpack("!H", await reader.readexactly(2))
    return await reader.readexactly(length)


@asynccontextmanager
async def serve(*conversations, patience=30.0):
    """An exchange with a server; each connection in turn is given to one of the conversations."""
    rest = list(conversations)
    tasks = []

    async def accept(reader, writer):
        tasks.append(asyncio.current_task())
        try:
            await rest.pop(0)(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    exchange = TcpExchange(Resolver("127.0.0.1", port), patience)
    try:
        yield exchange
    finally:
        await exchange.close()
        server.close()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
    assert not rest, "a connection was expected and did not come"


async def echo(reader, writer):
    """Answer every message with itself until the client goes away."""
    while True:
        try:
            data = await read_frame(reader)
        except (EOFError, ConnectionError):
            return
        writer.write(frame(data[:2] + b"answer"))


def answer(count):
    """Answer so many messages, then close."""

    async def converse(reader, writer):
        for _ in range(count):
            writer.write(frame((await read_frame(reader))[:2] + b"answer"))

    return converse


async def test_replies_come_in_the_order_of_the_messages_whatever_the_server_does():
    async def backwards(reader, writer):
        got = [await read_frame(reader) for _ in range(3)]
        for data in reversed(got):
            writer.write(frame(data))

    async with serve(backwards) as exchange:
        sent = [message(i, bytes([i])) for i in (5, 3, 9)]
        assert await exchange.ask(sent) == sent


async def test_one_connection_serves_many_questions():
    async with serve(echo) as exchange:
        for ident in range(5):
            assert await exchange.ask([message(ident)]) == [message(ident, b"answer")]


async def test_questions_asked_at_the_same_time_do_not_mix():
    async with serve(echo) as exchange:
        replies = await asyncio.gather(*(exchange.ask([message(7, bytes([i]))]) for i in range(10)))
        assert replies == [[message(7, b"answer")]] * 10


async def test_nobody_waits_for_the_replies_to_what_another_asks():
    async def the_second_first(reader, writer):
        first, second = await read_frame(reader), await read_frame(reader)
        writer.write(frame(second))
        assert await read_frame(reader) == message(3)
        writer.write(frame(message(3)) + frame(first))
        await reader.read()

    async with serve(the_second_first) as exchange:
        first = asyncio.create_task(exchange.ask([message(1)]))
        await asyncio.sleep(0)
        assert await exchange.ask([message(2)]) == [message(2)]
        assert not first.done()
        assert await exchange.ask([message(3)]) == [message(3)]
        assert await first == [message(1)]


async def test_so_many_messages_are_under_way_at_a_time_and_no_more():
    got = []

    async def hold_back(reader, writer):
        while len(got) < AT_ONCE:
            got.append(await read_frame(reader))
        early = asyncio.create_task(read_frame(reader))
        await asyncio.sleep(0.05)
        assert not early.done()
        writer.write(frame(got[0]))
        writer.writelines(frame(data) for data in [*got[1:], await early])
        await reader.read()

    async with serve(hold_back) as exchange:
        asked = [exchange.ask([message(number)]) for number in range(AT_ONCE + 1)]
        assert await asyncio.gather(*asked) == [[message(number)] for number in range(AT_ONCE + 1)]


async def test_replies_come_in_pieces():
    async def dribble(reader, writer):
        for octet in frame(await read_frame(reader)) + frame(await read_frame(reader)):
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async with serve(dribble) as exchange:
        assert await exchange.ask([message(1), message(2)]) == [message(1), message(2)]


async def test_a_reply_nobody_asked_for_is_passed_over():
    async def noisy(reader, writer):
        data = await read_frame(reader)
        writer.write(frame(message(999)) + frame(b"") + frame(data))
        await reader.read()

    async with serve(noisy) as exchange:
        assert await exchange.ask([message(1)]) == [message(1)]


async def test_a_connection_closed_while_idle_is_opened_again():
    async with serve(answer(1), answer(1)) as exchange:
        await exchange.ask([message(1)])
        await asyncio.sleep(0.05)  # the end of the stream arrives
        assert await exchange.ask([message(2)]) == [message(2, b"answer")]


async def test_a_kept_connection_that_ends_under_the_message_is_opened_again_once():
    async def answer_one_and_drop_the_next(reader, writer):
        await answer(1)(reader, writer)
        await read_frame(reader)

    async with serve(answer_one_and_drop_the_next, answer(1)) as exchange:
        await exchange.ask([message(1)])
        assert await exchange.ask([message(2)]) == [message(2, b"answer")]


async def test_after_a_break_only_messages_without_a_reply_are_sent_again():
    again = []

    async def answer_two_of_four(reader, writer):
        await answer(1)(reader, writer)
        await answer(2)(reader, writer)

    async def rest(reader, writer):
        for _ in range(2):
            again.append(await read_frame(reader))
            writer.write(frame(again[-1][:2] + b"answer"))

    async with serve(answer_two_of_four, rest) as exchange:
        await exchange.ask([message(9)])
        replies = await exchange.ask([message(i) for i in range(4)])
    assert replies == [message(i, b"answer") for i in range(4)]
    assert again == [message(2), message(3)]


async def test_after_a_break_all_who_wait_ask_again_over_one_new_connection():
    async def answer_one_and_drop_the_next_three(reader, writer):
        await answer(1)(reader, writer)
        for _ in range(3):
            await read_frame(reader)

    async with serve(answer_one_and_drop_the_next_three, echo) as exchange:
        await exchange.ask([message(9)])
        replies = await asyncio.gather(*(exchange.ask([message(number)]) for number in range(3)))
    assert replies == [[message(number, b"answer")] for number in range(3)]


async def test_a_server_may_answer_only_so_many_messages_on_a_connection():
    async with serve(answer(2), answer(2), answer(2)) as exchange:
        sent = [message(number) for number in range(6)]
        assert await exchange.ask(sent) == [message(number, b"answer") for number in range(6)]


async def test_a_new_connection_that_ends_is_an_error():
    async with serve(answer(0)) as exchange:
        with pytest.raises(ProviderError, match="closed the connection without an answer"):
            await exchange.ask([message(1)])


async def test_a_second_break_in_a_row_is_an_error():
    async def answer_one_and_drop_the_next(reader, writer):
        await answer(1)(reader, writer)
        await read_frame(reader)

    async with serve(answer_one_and_drop_the_next, answer(0)) as exchange:
        await exchange.ask([message(1)])
        with pytest.raises(ProviderError, match="closed the connection without an answer"):
            await exchange.ask([message(2)])


async def test_a_silent_server_ends_in_time_and_its_late_reply_is_never_taken_for_another():
    late = asyncio.Event()

    async def silent(reader, writer):
        data = await read_frame(reader)
        await late.wait()
        writer.write(frame(data + b" too late"))

    async with serve(silent, answer(1), patience=0.2) as exchange:
        with pytest.raises(ProviderError, match=r"did not answer within 0\.2 s over TCP"):
            await exchange.ask([message(1)])
        late.set()
        exchange._timeout = 30.0
        assert await exchange.ask([message(1)]) == [message(1, b"answer")]


async def test_a_silent_server_holds_all_up_for_one_timeout_and_not_for_one_after_the_other():
    async def silent(reader, writer):
        await reader.read()

    patience, count = 0.2, 30
    async with serve(silent, patience=patience) as exchange:
        asked = [exchange.ask([message(number)]) for number in range(count)]
        began = asyncio.get_running_loop().time()
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < count * patience / 2
    assert all("did not answer within" in str(end) for end in ends)


async def test_a_cancelled_question_leaves_no_reply_behind():
    asked = asyncio.Event()

    async def slow(reader, writer):
        data = await read_frame(reader)
        asked.set()
        await reader.read()
        writer.write(frame(data))

    async with serve(slow, answer(1)) as exchange:
        task = asyncio.create_task(exchange.ask([message(1)]))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await exchange.ask([message(1)]) == [message(1, b"answer")]


async def test_one_who_gives_up_leaves_the_others_their_replies():
    asked, given_up, more = asyncio.Event(), asyncio.Event(), []

    async def slow(reader, writer):
        first, second = await read_frame(reader), await read_frame(reader)
        asked.set()
        await given_up.wait()
        writer.write(frame(first) + frame(second))
        more.append(await reader.read())

    async with serve(slow, answer(1)) as exchange:
        first, second = (asyncio.create_task(exchange.ask([message(number)])) for number in (1, 2))
        await asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await exchange.ask([message(1)]) == [message(1, b"answer")]
        given_up.set()
        assert await second == [message(2)]
    assert more == [b""]  # nothing more was asked there, and the connection was closed


async def test_a_port_where_nobody_listens():
    port = free_port("127.0.0.1")
    exchange = TcpExchange(Resolver("127.0.0.1", port), 5.0)
    with pytest.raises(ProviderError, match=f"^127.0.0.1:{port} refuses TCP connections: "):
        await exchange.ask([message(1)])
