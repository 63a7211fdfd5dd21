"""What is asked of a service's endpoints over HTTP, and how their answers are judged."""

import re
from dataclasses import dataclass
from functools import lru_cache

from rrdnsd.probes.answer import Answer
from rrdnsd.probes.bodysearch import SECONDS, SearchTooSlow, search_within
from rrdnsd.probes.request import host_header, render
from rrdnsd.probes.tls import TlsContext, tls_context

COURTESY = 16 * 1024
"""Bytes that are read of a good answer although nothing depends on them."""


@dataclass(frozen=True, slots=True)
class Question:
    """All that the endpoints of one service have in common; made once and shared."""

    request: bytes
    host: str
    timeout: float
    expect_status: tuple[tuple[int, int], ...]
    expect_body: re.Pattern[str] | None
    tls: TlsContext | None
    unchecked: TlsContext | None
    reuse: bool
    bodiless: bool
    min_cert_days: int


@lru_cache(maxsize=1024)
def make_question(
    scheme: str,
    path: str,
    port: int,
    method: str,
    host: str,
    headers: tuple[tuple[str, str], ...],
    timeout: float,
    expect_status: tuple[tuple[int, int], ...],
    expect_body: str | None,
    tls: TlsContext | None,
    reuse: bool,
    min_cert_days: int,
) -> Question:
    """Make the question of one service, or find the one that was made for its previous endpoint.

    Raises:
        ValueError: one sentence telling which part cannot be used.

    """
    return Question(
        request=render(method, path, host_header(host, scheme, port), headers, keep_alive=reuse),
        host=host,
        timeout=timeout,
        expect_status=expect_status,
        expect_body=None if expect_body is None else _compile(expect_body),
        tls=tls,
        unchecked=None if tls is None else tls_context(verify=False, ca_file=None),
        reuse=reuse,
        bodiless=method == "HEAD",
        min_cert_days=min_cert_days,
    )


def _compile(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"expect_body: {expression!r} is not a regular expression: {error}") from error


def body_matters(question: Question, answer: Answer) -> bool:
    """Tell whether the body must be read: for what it says, to use the connection again, or out of courtesy.

    A server whose short answer is cut off by a reset takes that for an error of its own and logs it.
    """
    if question.reuse:
        return True
    if not _is_expected(answer.status, question.expect_status):
        return False
    return question.expect_body is not None or answer.received < COURTESY


def judge(question: Question, answer: Answer) -> str:
    """Tell what is wrong with the response; "" when nothing is."""
    if not _is_expected(answer.status, question.expect_status):
        return f"status {answer.status}, expected {_ranges(question.expect_status)}"
    if question.expect_body is None:
        return ""
    try:
        found = search_within(question.expect_body, answer.body.decode(errors="replace"))
    except SearchTooSlow:
        return f"searching the body for expect_body took more than {SECONDS * 1000:g} ms"
    return "" if found else "body does not match expect_body"


def _is_expected(status: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    for low, high in ranges:  # noqa: SIM110 - any() with a generator costs more than the rest of this
        if low <= status <= high:
            return True
    return False


def _ranges(ranges: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)
