from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.probes.answer import BODY_LIMIT, Answer, NoAnswer

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


def fed(*parts, **how):
    answer = Answer(**how)
    for part in parts:
        answer.feed(part)
    return answer


@given(st.sampled_from([PLAIN, CHUNKED]), st.lists(st.integers(0, 80), max_size=5))
def test_how_it_is_cut_up_does_not_matter(data, cuts):
    edges = [0, *sorted(cuts), len(data)]
    answer = fed(*(data[a:b] for a, b in pairwise(edges)), body_wanted=True)
    assert (answer.status, bytes(answer.body), answer.complete) == (200, b"hello", True)
    assert answer.reusable


def test_interim_responses_are_not_the_answer():
    answer = fed(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 2")
    assert answer.status == 0
    answer.feed(b"04 No Content\r\n\r\n")
    assert answer.status == 204
    assert answer.reusable


def test_an_upgrade_is_an_answer_but_its_connection_is_gone():
    answer = fed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc")
    assert answer.status == 101
    assert not answer.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        PLAIN + b"HTTP/1.1 200 OK\r\n",
        PLAIN + b"rubbish",
    ],
)
def test_connections_that_cannot_be_used_again(data):
    answer = fed(data)
    assert answer.status == 200
    assert not answer.reusable


def test_the_answer_to_head_ends_with_its_headers():
    assert fed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", bodiless=True).reusable


@pytest.mark.parametrize(
    "data",
    [
        b"220 mail.example.test ESMTP\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"\x16\x03\x01",
    ],
)
def test_what_is_not_http_is_malformed(data):
    with pytest.raises(NoAnswer, match=r"^malformed HTTP response: "):
        fed(data)


def test_headers_have_a_limit():
    lines = [b"X-Filler: " + b"a" * 8000 + b"\r\n"] * 9
    assert fed(b"HTTP/1.1 200 OK\r\n", *lines[:8], b"\r\n").status == 200
    with pytest.raises(NoAnswer, match="response headers exceed 64 KiB"):
        fed(b"HTTP/1.1 200 OK\r\n", *lines)


def test_no_more_than_the_beginning_of_the_body_is_kept():
    answer = fed(b"HTTP/1.1 200 OK\r\n\r\n", body_wanted=True)
    for _ in range(9):
        assert not answer.full
        answer.feed(b"x" * 8000)
    assert answer.full
    assert len(answer.body) == BODY_LIMIT


def test_endless_framing_without_a_body_ends_too():
    answer = fed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;", body_wanted=True)
    for _ in range(40):
        answer.feed(b"a" * 8000)
    assert answer.full
