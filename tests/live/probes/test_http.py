import time
import tracemalloc
from pathlib import Path

import pytest

from support.endpoints import (
    HOST,
    OK,
    answering,
    answering_once,
    ask,
    closing_at_once,
    dripping,
    endless,
    endpoint,
    probe,
    request,
    resetting,
    silent,
)

HEADERS = b"HTTP/1.1 200 OK\r\nX-Long: "


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (silent, "timeout after 2 s waiting for the response"),
        (closing_at_once, "closed without an answer"),
        (resetting, "connection reset"),
        (dripping(seconds=0.1), "timeout after 2 s waiting for the response"),
        (answering(b"HTTP/1.1 503 Busy\r\n\r\n"), "status 503, expected 200-399"),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "malformed HTTP response: expected HTTP/, RTSP/ or ICE/"),
        (answering_once(b"HTTP/1.1 200 OK\r\nServ"), "closed in the middle of the response headers"),
        (endless(HEADERS, b"a" * 4000), "response headers exceed 64 KiB"),
        (
            endless(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n"),
            "malformed HTTP response: invalid header token",
        ),
    ],
)
async def test_each_fault_has_its_reason(behave, reason):
    with endpoint(behave) as served:
        result = await ask(probe(f"http://{{}}:{served.port}/", timeout=2.0))
    assert not result.ok
    assert result.reason == reason


async def test_the_server_gets_the_request_it_was_configured_for():
    seen = []

    def behave(connection, _stopped):
        seen.append(request(connection))
        connection.sendall(b"HTTP/1.1 204 None\r\n\r\n")

    with endpoint(behave) as served:
        healthcheck = f"http://{{}}:{served.port}/health?ip={{}}"
        assert (await ask(probe(healthcheck, method="HEAD", headers=(("X-A", "b"),)))).ok
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "HEAD /health?ip=127.0.0.1 HTTP/1.1"
    assert f"Host: {HOST}:{served.port}" in lines
    assert "X-A: b" in lines
    assert "Connection: close" in lines


async def test_a_redirect_is_not_followed():
    with endpoint(answering(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n")) as served:
        assert (await ask(probe(f"http://{{}}:{served.port}/"))).ok
        assert served.connections == 1


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"abcdefgh" * 2000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 2000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 16000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    ],
)
async def test_endless_answers_end_in_time_and_in_little_memory(head, more):
    with endpoint(endless(head, more)) as served:
        asking = probe(f"http://{{}}:{served.port}/", expect_body="never there")
        tracemalloc.start()
        began = time.monotonic()
        try:
            result = await ask(asking)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert result.reason in {"body does not match expect_body", "response headers exceed 64 KiB"}
    assert time.monotonic() - began < 15
    assert peak < 4 * 2**20


async def test_an_endless_body_does_not_matter_where_none_is_expected():
    with endpoint(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 9000)) as served:
        assert (await ask(probe(f"http://{{}}:{served.port}/"))).ok
        assert (await ask(probe(f"http://{{}}:{served.port}/", reuse_connections=True))).ok


async def test_a_body_that_comes_in_pieces_is_searched_as_one():
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n6\r\n fine!\r\n0\r\n\r\n"
    with endpoint(dripping(answer, seconds=0.001)) as served:
        assert (await ask(probe(f"http://{{}}:{served.port}/", expect_body="^all fine!$"))).ok


async def test_connections_are_new_each_time_unless_reused(asker):
    with endpoint(answering()) as served:
        for reuse, connections in ((False, 3), (True, 4)):
            asking = probe(f"http://{{}}:{served.port}/", reuse_connections=reuse)
            for number in range(3):
                result = await asker.ask(asking)
                assert result.ok
                assert (result.timings.connect is None) == (reuse and number > 0)
            asking.close()
            assert served.connections == connections


@pytest.mark.parametrize("rest", [b"", b"HTTP/1.1 408 Request Timeout\r\n"])
async def test_a_connection_the_server_closed_while_idle_is_replaced_silently(asker, rest):
    with endpoint(answering_once(OK)) as served:
        asking = probe(f"http://{{}}:{served.port}/", reuse_connections=True)
        for number in (1, 2, 3):
            result = await asker.ask(asking)
            assert (result.ok, result.reason) == (True, "")
            assert served.connections == number
        asking.close()


async def test_no_sockets_are_left_in_time_wait(asker):
    with endpoint(answering()) as served:
        asking = probe(f"http://{{}}:{served.port}/")
        for _ in range(20):
            assert (await asker.ask(asking)).ok
        assert not left_in_time_wait(served.port)


def left_in_time_wait(port):
    """Connections to this port that are in the state TIME_WAIT (06 in /proc/net/tcp)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row for row in rows if row[3] == "06" and row[2].endswith(f":{port:04X}")]
