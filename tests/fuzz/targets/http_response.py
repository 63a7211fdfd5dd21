"""What an endpoint sends as its answer: whole or in pieces, it is judged alike, and no more of it is kept than allowed."""

from rrdnsd.probes.answer import BODY_LIMIT, Answer, NoAnswer
from rrdnsd.probes.question import Question, body_matters, judge, make_question

MOST = 1000
"""Longer reasons flood the log."""


def _question(expect_body: str | None) -> Question:
    return make_question(
        scheme="http",
        path="/",
        port=80,
        method="GET",
        host="www.example.org",
        headers=(),
        timeout=1.0,
        expect_status=((200, 299),),
        expect_body=expect_body,
        tls=None,
        reuse=True,
        min_cert_days=0,
    )


QUESTIONS = (_question(None), _question("o+k"))


def target(data: bytes) -> None:
    """The first octet says how the rest is cut into pieces, and whether the body is looked at."""
    if not data:
        return
    how, rest = data[0], data[1:]
    question = QUESTIONS[how & 1]
    whole = _read(question, [rest])
    size = 1 + (how >> 1)
    pieces = _read(question, [rest[at : at + size] for at in range(0, len(rest), size)])
    assert whole == pieces, f"{whole} at once, {pieces} in pieces of {size}"


def _read(question: Question, pieces: list[bytes]) -> tuple[str, int]:
    answer = Answer(body_wanted=question.expect_body is not None, bodiless=question.bodiless)
    try:
        for piece in pieces:
            answer.feed(piece)
            assert len(answer.body) <= BODY_LIMIT
            if answer.status and (answer.full or not body_matters(question, answer)):
                break
    except NoAnswer as why:
        assert 0 < len(str(why)) < MOST
        return "no answer", 0
    finally:
        answer.release()
    if not answer.status:
        return "unfinished", 0
    reason = judge(question, answer)
    assert reason.isprintable() or not reason
    assert len(reason) < MOST
    return reason, answer.status
