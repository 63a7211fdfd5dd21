"""What operators read when a vendor fails: one line, cut, and never a secret."""

import pytest

from rrdnsd.errors import ProviderError
from rrdnsd.providers.vendor import lexiconerrors, sentences, shapes

SECRET = "s3cret/with+signs="


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"id": "unauthorized", "message": "Unable to authenticate you"}, "Unable to authenticate you"),
        ({"errors": [{"message": "one"}, {"message": "two"}]}, "one; two"),
        ({"error": {"message": "deep"}}, "deep"),
        ({"message": None}, ""),
        ([], ""),
        (7, ""),
        ("line\r\nbreak\x1b[31m", "line break [31m"),
    ],
)
def test_what_a_vendor_says(data, said):
    assert sentences.said(data) == said


def test_what_a_vendor_says_is_cut_and_without_secrets():
    text = sentences.said(
        {"message": f"{SECRET} s3cret%2Fwith%2Bsigns%3D s3cret/with%2Bsigns%3D " + "x" * 1000}, [SECRET]
    )
    assert text.startswith("*** *** *** xxx")
    assert len(text) == 200


class Response:
    def __init__(self, status, data=None, headers=()):
        self.status_code, self._data, self.headers = status, data, dict(headers)

    def json(self):
        if self._data is None:
            raise ValueError
        return self._data


def raised(error, response=None):
    error.response = response
    return lexiconerrors.Waiting().explain("v", error, 3.0, [SECRET])


def test_a_status_of_requests_is_read():
    error = raised(Exception(f"401 for url: https://v/?key={SECRET}"), Response(401, {"message": SECRET}))
    assert (
        str(error)
        == "v answers HTTP status 401: it does not accept the token; check update_credentials (***)"
    )
    assert raised(Exception(), Response(503, None, {"Retry-After": "9"})).retry_after == 9


def test_a_refused_record_is_not_everything():
    refused = raised(Exception(), Response(422, {"message": "too many"}))
    assert isinstance(refused, lexiconerrors.RefusedError)
    assert str(refused) == "v refuses it (HTTP status 422: too many)"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TimeoutError(), "v did not answer within 3 s (update_timeout_ms)"),
        (
            KeyError("result"),
            "v answers with something that dns-lexicon does not understand (KeyError: 'result')",
        ),
        (RuntimeError("Too many entries"), "v: RuntimeError: Too many entries"),
        (RuntimeError(f"see https://v.test/a?k={SECRET} now"), "v: RuntimeError: see https://v.test now"),
        (RuntimeError(f"login\nfailed for {SECRET}"), "v: RuntimeError: login failed for ***"),
        (RuntimeError(), "v: RuntimeError"),
    ],
)
def test_whatever_a_module_raises(error, sentence):
    assert str(raised(error)) == sentence


@pytest.mark.parametrize("value", [None, True, "1", 1.0, [1]])
def test_a_whole_number_is_one(value):
    with pytest.raises(ProviderError, match=r'^here: expected a whole number as "n", got '):
        shapes.scalar({"n": value}, "n", int, "here")
