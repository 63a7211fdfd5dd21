"""The real server with real sockets: who may connect, for how long, and how it ends."""

import asyncio
import getpass
import json
import socket
import stat
import time

import pytest

from rrdnsd.errors import StartupError
from rrdnsd.web import doorkeeper, guard
from rrdnsd.web.listening import listen
from rrdnsd.web.localsocket import open_socket


async def talk(reader, writer, text):
    writer.write(text.encode())
    await writer.drain()
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode()
    length = next(
        int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
    )
    body = await asyncio.wait_for(reader.readexactly(length), 60)
    return int(head.split()[1]), head, body


def get(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""])


def post(path, body, *headers):
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


async def until(condition):
    """Look until it is true."""
    while not condition():  # noqa: ASYNC110 -- what is looked at has no event
        await asyncio.sleep(0.01)


async def closed(reader):
    """Wait until the other side has closed, and return what it said before."""
    try:
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionError:
        return b""


async def test_the_unix_socket_may_do_everything_in_the_name_of_its_user(served):
    async with served.running():
        assert stat.S_IMODE(served.path.stat().st_mode) == 0o660
        reader, writer = await asyncio.open_unix_connection(served.path)
        status, _, body = await talk(reader, writer, post("/api/v1/pause", '{"why": "test"}'))
        assert (status, json.loads(body)["changed"]) == (200, True)
        assert served.control.ordered[0][1] == getpass.getuser()
        writer.close()
    assert not served.path.exists()


async def test_tcp_may_not_without_a_token(served):
    async with served.running():
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        assert (await talk(reader, writer, post("/api/v1/pause", "{}")))[0] == 401
        authorization = f"Authorization: Bearer {served.token}"
        assert (await talk(reader, writer, post("/api/v1/pause", "{}", authorization)))[0] == 200
        writer.close()
    assert [by for _, by in served.control.ordered] == ["robot"]


async def test_a_header_of_a_proxy_does_not_make_a_local_user(served):
    async with served.running():
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        told = post("/api/v1/pause", "{}", "X-Forwarded-For: ", "X-Forwarded-Proto: unix")
        assert (await talk(reader, writer, told))[0] == 401
        writer.close()


def test_a_socket_left_behind_is_replaced(tmp_path):
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    with open_socket(path):
        assert stat.S_ISSOCK(path.stat().st_mode)
    assert not path.exists()


def test_a_socket_in_use_and_other_files_are_left_alone(tmp_path):
    path = tmp_path / "api.sock"
    with (
        open_socket(path),
        pytest.raises(StartupError, match="another process listens there"),
        open_socket(path),
    ):
        pass
    path.write_text("precious")
    with pytest.raises(StartupError, match="something that is no socket"), open_socket(path):
        pass
    assert path.read_text() == "precious"
    with (
        pytest.raises(StartupError, match="is its folder there"),
        open_socket(tmp_path / "none" / "api.sock"),
    ):
        pass


async def test_the_socket_of_a_successor_is_not_removed(tmp_path):
    path = tmp_path / "api.sock"
    with open_socket(path):
        path.rename(tmp_path / "old")
        with open_socket(tmp_path / "other"):
            (tmp_path / "other").rename(path)
    assert path.exists()


@pytest.mark.parametrize("local", [False, True])
async def test_a_request_that_drips_is_cut_off(served, monkeypatch, local):
    monkeypatch.setattr(doorkeeper, "REQUEST_SECONDS", 0.3)
    async with served.running():
        where = (
            asyncio.open_unix_connection(served.path)
            if local
            else asyncio.open_connection("127.0.0.1", served.port)
        )
        reader, writer = await where
        ending = asyncio.create_task(closed(reader))
        for byte in get("/health", "X: " + "x" * 2000):
            if ending.done():
                break
            writer.write(byte.encode())
            await asyncio.sleep(0.01)
        assert await ending == b""
        writer.close()


async def test_a_second_request_that_drips_is_cut_off_too(served, monkeypatch):
    monkeypatch.setattr(doorkeeper, "REQUEST_SECONDS", 3.0)
    async with served.running():
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        assert (await talk(reader, writer, get("/health")))[0] == 200
        await asyncio.sleep(3.5)  # longer than one request may take
        assert (await talk(reader, writer, get("/health")))[0] == 200
        writer.write(b"GET /health HT")
        assert await closed(reader) == b""
        writer.close()


async def test_headers_without_end_are_cut_off(served):
    async with served.running():
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        ending = asyncio.create_task(closed(reader))
        while not ending.done():
            writer.write(b"X-Long: " + b"x" * 1000 + b"\r\n")
            await asyncio.sleep(0)
        assert await ending == b""
        writer.close()


async def test_strangers_that_hold_every_connection_do_not_keep_out_the_next(served):
    async with served.running():
        many = doorkeeper.MOST - doorkeeper.KEPT_FOR_NODES + 40
        held = await asyncio.to_thread(lambda: [served.connect() for _ in range(many)])
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        assert (await talk(reader, writer, get("/health")))[0] == 200
        writer.close()
        for sock in held:
            sock.close()


async def test_a_receiver_that_does_not_read_is_given_up(served, monkeypatch):
    monkeypatch.setattr(guard, "SEND_SECONDS", 0.3)
    async with served.running():
        _, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1)
        writer.transport.pause_reading()
        writer.write(get("/api/v1/events/stream?after=0").encode())
        streams = served.app.state.streams
        text = "x" * 100_000
        async with asyncio.timeout(60):
            await until(lambda: streams.count == 1)
            await until(lambda: served.control.happen("verdict", text) and streams.count == 0)
        writer.close()


async def test_open_streams_do_not_hold_up_the_end(served):
    async with served.running():
        talks = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(20)]
        for reader, writer in talks:
            writer.write(get("/api/v1/status/stream").encode())
            assert b"event: changed" in await asyncio.wait_for(reader.readuntil(b"}"), 60)
        began = time.monotonic()
    assert time.monotonic() - began < 15  # a stream says something every so often, and never ends by itself
    for reader, writer in talks:
        assert (await closed(reader)).endswith(b"0\r\n\r\n")
        writer.close()


async def test_a_request_in_work_is_answered_before_the_end(served):
    async with served.running():
        going_on = asyncio.Event()
        usual = served.control.order

        async def slow(order, by):
            going_on.set()
            await asyncio.sleep(0.3)
            return await usual(order, by)

        served.control.order = slow
        reader, writer = await asyncio.open_unix_connection(served.path)
        answer = asyncio.create_task(talk(reader, writer, post("/api/v1/pause", "{}")))
        await going_on.wait()
    assert (await answer)[0] == 200
    writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(served, monkeypatch):
    from rrdnsd.web import orders  # noqa: PLC0415 -- only here

    monkeypatch.setattr(orders, "BODY_SECONDS", 0.2)
    async with served.running():
        reader, writer = await asyncio.open_unix_connection(served.path)
        text = post("/api/v1/pause", "{}").replace("Content-Length: 2", "Content-Length: 500")
        status, head, body = await talk(reader, writer, text)
        assert status == 408
        assert "did not arrive within 0.2 s" in json.loads(body)["error"]
        assert "connection: close" in head.lower()
        writer.close()


async def test_what_is_said_in_parts_is_not_held_back():
    accepted = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(
        lambda _, writer: accepted.set_result(writer), sock=listen("127.0.0.1", 0)
    )
    async with server:
        _, caller = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer = await asyncio.wait_for(accepted, 60)
        assert writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for end in (writer, caller):
            end.close()
            await end.wait_closed()
