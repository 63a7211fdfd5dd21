import socket

import pytest

from rrdnsd.core.model import EndpointKey
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import READ, WRITE, CheckSpec, DeadlineExceeded
from rrdnsd.probes.http import build
from support.endpoints import HOST, OK, probe


@pytest.fixture
def far(monkeypatch):
    """The far end of the connections that probes open, one after the other."""
    ends = []

    def open_socket(_address):
        ours, theirs = socket.socketpair()
        ends.append(theirs)
        raw = socket.SocketType(fileno=ours.detach())
        raw.setblocking(False)
        return raw

    monkeypatch.setattr("rrdnsd.probes.http.open_socket", open_socket)
    yield ends
    for end in ends:
        end.close()


def finish(steps, event=READ):
    """Resume a probe that must now end, and give its result."""
    with pytest.raises(StopIteration) as end:
        steps.send(event)
    return end.value.value


def asked(steps, far):
    """Drive a probe up to its wait for the response; gives the request that it sent."""
    _, want = next(steps)
    if want == WRITE:
        _, want = steps.send(WRITE)
    assert want == READ
    return far[-1].recv(4096)


def test_reads_from_top_to_bottom_like_a_client(far):
    steps = probe("http://{}:8080/health?x=1", headers=(("X-Token", "abc"),)).run()
    assert asked(steps, far) == (
        b"GET /health?x=1 HTTP/1.1\r\nHost: www.example.test:8080\r\nUser-Agent: rrdnsd\r\nAccept: */*\r\n"
        b"Connection: close\r\nX-Token: abc\r\n\r\n"
    )
    far[0].send(OK)
    result = finish(steps)
    assert result.ok
    assert result.reason == ""
    assert result.timings.connect <= result.timings.first_byte <= result.timings.total
    assert result.timings.tls is None


def test_a_short_good_answer_is_read_to_its_end_so_that_the_server_sees_no_reset(far):
    steps = probe("http://{}/").run()
    asked(steps, far)
    far[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
    assert steps.send(READ)[1] == READ
    far[0].send(b"ok\n")
    assert finish(steps).ok


def test_a_long_good_answer_is_not_read_to_its_end(far):
    steps = probe("http://{}/").run()
    asked(steps, far)
    far[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 20_000)
    assert finish(steps).ok


def test_a_good_answer_that_does_not_end_is_good_at_the_timeout(far):
    steps = probe("http://{}/").run()
    asked(steps, far)
    far[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
    steps.send(READ)
    with pytest.raises(StopIteration) as end:
        steps.throw(DeadlineExceeded())
    assert end.value.value.ok


def test_a_false_alarm_is_waited_out(far):
    steps = probe("http://{}/").run()
    asked(steps, far)
    assert steps.send(READ)[1] == READ
    far[0].send(OK[:10])
    assert steps.send(READ)[1] == READ
    far[0].send(OK[10:])
    assert finish(steps).ok


@pytest.mark.parametrize(
    ("status", "expect", "reason"),
    [
        (200, ((200, 399),), ""),
        (302, ((200, 399),), ""),
        (503, ((200, 399),), "status 503, expected 200-399"),
        (200, ((204, 204), (401, 403)), "status 200, expected 204, 401-403"),
        (403, ((204, 204), (401, 403)), ""),
    ],
)
def test_the_status_is_judged(far, status, expect, reason):
    steps = probe("http://{}/", expect_status=expect).run()
    asked(steps, far)
    far[0].send(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
    result = finish(steps)
    assert (result.ok, result.reason) == (not reason, reason)


@pytest.mark.parametrize(
    ("expression", "body", "reason"),
    [
        ("all (is )?well", b"so all is well.", ""),
        ("^ready$", b"not ready", "body does not match expect_body"),
        ("grün", "alles grün".encode(), ""),
        ("(a+)+$", b"a" * 40 + b"!", "searching the body for expect_body took more than 100 ms"),
    ],
)
def test_the_body_is_judged(far, expression, body, reason):
    steps = probe("http://{}/", expect_body=expression).run()
    asked(steps, far)
    far[0].send(b"HTTP/1.1 200 OK\r\n\r\n" + body)
    steps.send(READ)
    far[0].close()
    assert finish(steps).reason == reason


def test_a_bad_status_is_told_without_waiting_for_the_body(far):
    steps = probe("http://{}/", expect_body="x").run()
    asked(steps, far)
    far[0].send(b"HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\n")
    assert finish(steps).reason == "status 500, expected 200-399"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nServ", "closed in the middle of the response headers"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "malformed HTTP response: expected HTTP/"),
    ],
)
def test_what_is_no_answer(far, sent, reason):
    steps = probe("http://{}/").run()
    asked(steps, far)
    far[0].send(sent)
    far[0].close()
    result = finish(steps)
    assert not result.ok
    assert result.reason.startswith(reason)


def test_timeouts_say_what_was_waited_for(far):
    for waits, where in ((0, "while connecting"), (1, "waiting for the response")):
        steps = probe("http://{}/", timeout=1.5).run()
        next(steps)
        for _ in range(waits):
            steps.send(WRITE)
        with pytest.raises(StopIteration) as end:
            steps.throw(DeadlineExceeded())
        assert end.value.value.reason == f"timeout after 1.5 s {where}"
        assert (end.value.value.timings.connect is None) == (not waits)


def test_every_way_out_closes_the_socket(far):
    probes = [probe("http://{}/") for _ in range(3)]
    for number, asking in enumerate(probes):
        steps = asking.run()
        asked(steps, far)
        if number == 0:
            steps.close()
        elif number == 1:
            with pytest.raises(StopIteration):
                steps.throw(DeadlineExceeded())
        else:
            far[-1].send(OK)
            finish(steps)
        assert far[-1].recv(1) == b""


def test_a_kept_connection_is_used_again(far):
    asking = probe("http://{}/", reuse_connections=True)
    for _ in range(3):
        steps = asking.run()
        assert b"Connection: close" not in asked(steps, far)
        far[0].send(OK)
        assert finish(steps).ok
    assert len(far) == 1
    asking.close()
    assert far[0].recv(1) == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
    ],
)
def test_a_connection_that_cannot_go_on_is_not_kept(far, answer):
    asking = probe("http://{}/", reuse_connections=True)
    for number in (1, 2):
        steps = asking.run()
        asked(steps, far)
        far[-1].send(answer)
        assert finish(steps).ok
        assert len(far) == number


def test_a_connection_closed_meanwhile_is_replaced_silently_once(far):
    asking = probe("http://{}/", reuse_connections=True)
    steps = asking.run()
    asked(steps, far)
    far[0].send(OK)
    finish(steps)
    far[0].close()
    steps = asking.run()
    _, want = next(steps)
    assert want == WRITE
    assert len(far) == 2
    steps.send(WRITE)
    far[1].close()
    assert finish(steps).reason in {"closed without an answer", "connection reset"}


def test_a_kept_connection_that_answers_wrongly_is_no_reason_to_ask_twice(far):
    asking = probe("http://{}/", reuse_connections=True)
    steps = asking.run()
    asked(steps, far)
    far[0].send(OK)
    finish(steps)
    steps = asking.run()
    asked(steps, far)
    far[0].send(b"rubbish\r\n")
    assert finish(steps).reason.startswith("malformed HTTP response")
    assert len(far) == 1


def test_an_answer_whose_body_stalls_is_still_an_answer(far):
    asking = probe("http://{}/", reuse_connections=True)
    steps = asking.run()
    asked(steps, far)
    far[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
    steps.send(READ)
    with pytest.raises(StopIteration) as end:
        steps.throw(DeadlineExceeded())
    assert end.value.value.ok
    assert far[0].recv(1) == b""


def test_endpoints_of_a_service_share_what_they_have_in_common():
    one, other = (probe("http://{}/", address) for address in ("192.0.2.1", "2001:db8::1"))
    assert one._question is other._question
    assert probe("http://{}/{}", "192.0.2.1")._question is not probe("http://{}/{}", "192.0.2.2")._question


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"healthcheck": "http://{}:x/"}, "is not of the form"),
        ({"expect_body": "(unclosed"}, "expect_body: '(unclosed' is not a regular expression"),
        ({"method": "G T"}, "method: 'G T' is not an HTTP method"),
        ({"headers": (("a", "b\n"),)}, "headers: the value of a"),
        (
            {"healthcheck": "https://{}/", "ca_file": "/no/such.pem"},
            "ca_file: cannot read /no/such.pem: No such file",
        ),
        ({"healthcheck": "https://{}/", "ca_file": __file__}, "holds no usable certificate"),
        ({"healthcheck": "https://{}/", "host": ".x"}, "host: '.x' cannot be the name of a TLS server"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_built(settings, problem):
    spec = CheckSpec(**{"healthcheck": "http://{}/", "host": HOST, "timeout": 1.0, **settings})
    with pytest.raises(ConfigError) as caught:
        build(spec, EndpointKey(HOST, "192.0.2.1"))
    assert problem in str(caught.value)
