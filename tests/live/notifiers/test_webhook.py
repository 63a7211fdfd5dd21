"""The webhook against a real HTTP server."""

import time

import pytest

from rrdnsd.errors import ConfigError, NotifierError
from rrdnsd.notifiers.base import NotifierSpec
from rrdnsd.notifiers.message import trial
from rrdnsd.notifiers.signature import headers, key_of
from rrdnsd.notifiers.webhook import build
from support.ports import free_port

SECRET = "a secret that signs messages"


def webhook(url, **more):
    return build(NotifierSpec("hook", "webhook", url=url, **{"timeout": 60.0, **more}))


def message():
    return trial("10.0.0.1:3333", "hook", 1_800_000_000.0)


async def test_a_message_is_json_signed_and_dated(receiver):
    sent = message()
    answer = await webhook(receiver.url, secret=SECRET, headers=(("X-Team", "dns"),)).send(sent)
    assert answer == "HTTP status 204"
    (delivery,) = receiver.taken
    assert delivery.headers["Content-Type"] == "application/json"
    assert delivery.headers["X-Team"] == "dns"
    assert delivery.headers["webhook-id"] == sent.id == delivery.document["id"]
    assert abs(int(delivery.headers["webhook-timestamp"]) - time.time()) < 60
    assert delivery.is_signed(SECRET.encode())
    assert not delivery.is_signed(b"another")
    assert delivery.document["schema"] == "rrdnsd.notification/1"
    assert delivery.document["test"] is True


async def test_without_a_secret_nothing_is_signed(receiver):
    await webhook(receiver.url).send(message())
    assert "webhook-signature" not in receiver.taken[0].headers


def test_a_secret_may_be_a_key_in_base64():
    assert key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") != b""
    assert key_of("plain text") == b"plain text"
    with pytest.raises(ConfigError, match="not base64"):
        webhook("http://127.0.0.1:1/", secret="whsec_!")


def test_the_example_of_the_specification():
    """The values that the reference libraries test themselves with."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "final"),
    [(301, True), (400, True), (404, True), (408, False), (429, False), (500, False), (503, False)],
)
async def test_what_is_no_success(receiver, status, final):
    receiver.status, receiver.answer_headers = status, {"Location": "http://127.0.0.1:1/", "Retry-After": "7"}
    with pytest.raises(NotifierError, match=f"HTTP status {status}") as caught:
        await webhook(receiver.url).send(message())
    assert caught.value.final is final
    assert caught.value.retry_after == (None if status == 301 else 7)
    assert len(receiver.tried) == 1


async def test_a_receiver_that_does_not_answer(receiver):
    receiver.gate.clear()
    began = time.monotonic()
    with pytest.raises(NotifierError, match=r"no answer within 0\.3 s"):
        await webhook(receiver.url, timeout=0.3).send(message())
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:{port}", "https://127.0.0.1:{port}", "https://{receiver}"]
)
async def test_no_error_repeats_the_url(receiver, where):
    host = receiver.url.split("/")[2]
    url = where.format(port=free_port(), receiver=host) + "/hooks/T0P-S3CRET?token=T0P-S3CRET"
    with pytest.raises(NotifierError) as caught:
        await webhook(url).send(message())
    assert "T0P" not in str(caught.value)
    assert "no connection" in str(caught.value)
    assert "T0P" not in repr(webhook(url))
