import socket
import struct
import threading
from contextlib import contextmanager, suppress

import dns.message
import dns.rcode
import pytest

from support.endpoints import ask, probe


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("www.example.test", ""),
        ("WWW.Example.TEST.?type=a&expect=192.0.2.2&expect=192.0.2.1", ""),
        ("www.example.test?type=AAAA&expect=2001:DB8::1", ""),
        ("alias.example.test?expect=192.0.2.1", ""),
        ("alias.example.test?type=CNAME&expect=www.example.test", ""),
        ("example.test?type=SOA", ""),
        ("nobody.example.test?rcode=NXDOMAIN", ""),
        ("www.else.test?rcode=REFUSED", ""),
        ("www.example.test?expect=192.0.2.9", "the answer does not hold 192.0.2.9, but 192.0.2.1, 192.0.2.2"),
        ("nobody.example.test", "answered NXDOMAIN, expected NOERROR"),
        ("www.example.test?rcode=NXDOMAIN", "answered NOERROR, expected NXDOMAIN"),
        ("www.example.test?type=MX", "the answer holds no record of type MX"),
    ],
)
async def test_what_a_real_server_answers(named, question, reason):
    result = await ask(probe(f"dns://{{}}:{named.port}/{question}"))
    assert (result.ok, result.reason) == (not reason, reason)
    assert result.timings.first_byte is not None
    assert result.timings.connect is None, "a short answer comes over UDP"


async def test_a_long_answer_comes_over_tcp(named):
    expected = f"%22{19:0>200}%22"
    result = await ask(probe(f"dns://{{}}:{named.port}/many.example.test?type=TXT&expect={expected}"))
    assert (result.ok, result.reason) == (True, "")
    assert result.timings.connect is not None


def bound(address=("127.0.0.1", 0)):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    try:
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def bound_twice():
    """Return a listening TCP socket and a UDP socket of the same port."""
    for _ in range(100):
        listener = socket.create_server(("127.0.0.1", 0))
        try:
            return listener, bound(listener.getsockname())
        except OSError:  # others have that port for UDP
            listener.close()
    raise AssertionError("no port is free for both")


@contextmanager
def odd_server(*answers, asked=None):
    """Sends these datagrams, each made of the query by a function, from the asked port or from another."""
    with asked or bound() as sock, socket.socket(type=socket.SOCK_DGRAM) as other:

        def serve():
            query, client = sock.recvfrom(4096)
            for answer, elsewhere in answers:
                (other if elsewhere else sock).sendto(answer(query), client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        thread.join(30)


def respond(query, **changes):
    response = dns.message.make_response(dns.message.from_wire(query))
    response.set_rcode(changes.get("rcode", dns.rcode.NXDOMAIN))
    return response.to_wire()


def other_id(query):
    return struct.pack("!H", struct.unpack("!H", query[:2])[0] ^ 1) + respond(query)[2:]


def other_question(query):
    return respond(query).replace(b"\x03www", b"\x03vvv")


FORGED = [
    (respond, True),
    (other_id, False),
    (other_question, False),
    (lambda query: query, False),
    (lambda _: b"x", False),
]


@pytest.mark.parametrize("forged", FORGED)
async def test_what_is_not_the_answer_is_no_answer(forged):
    with odd_server(forged) as port:
        result = await ask(probe(f"dns://{{}}:{port}/www.example.test?rcode=NXDOMAIN", timeout=0.3))
    assert result.reason == "timeout after 0.3 s waiting for the answer"


async def test_the_answer_is_found_among_forged_ones():
    with odd_server(*FORGED, (respond, False)) as port:
        assert (await ask(probe(f"dns://{{}}:{port}/www.example.test?rcode=NXDOMAIN"))).ok


async def test_a_server_that_cannot_read_the_question_may_leave_it_out():
    with odd_server((lambda query: query[:2] + b"\x84\x04" + b"\0" * 8, False)) as port:
        result = await ask(probe(f"dns://{{}}:{port}/www.example.test"))
    assert result.reason == "answered NOTIMP, expected NOERROR"


async def test_a_broken_answer_is_told():
    with odd_server((lambda query: respond(query)[:6] + b"\0\5" + respond(query)[8:], False)) as port:
        result = await ask(probe(f"dns://{{}}:{port}/www.example.test"))
    assert result.reason.startswith("the answer is malformed (")


@pytest.mark.parametrize(
    ("over_tcp", "reason"),
    [
        (b"", "closed in the middle of the answer over TCP"),
        (b"\xff\xff", "the answer is longer than 16 KiB"),
        (b"\0\x0cnot an answer", "the answer over TCP is not to what was asked"),
        (b"\0\x40not all of it", "closed in the middle of the answer over TCP"),
    ],
)
async def test_odd_answers_over_tcp(over_tcp, reason):
    def truncated(query):
        return query[:2] + b"\x82\x00" + respond(query)[4:]

    listener, asked = bound_twice()
    with listener, odd_server((truncated, False), asked=asked) as port:

        def serve():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(4096)
                connection.sendall(over_tcp)

        thread = threading.Thread(target=serve)
        thread.start()
        result = await ask(probe(f"dns://{{}}:{port}/www.example.test"))
        thread.join(30)
    assert result.reason == reason
