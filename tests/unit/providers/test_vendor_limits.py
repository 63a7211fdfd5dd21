"""How long a vendor asks to be left alone, from its headers."""

import pytest

from rrdnsd.providers.vendor.limits import MOST, wait_asked

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:40 GMT"}, 100),
        ({"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "86400"}, MOST),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "10", "RateLimit-Reset": "50"}, 10),
        ({"RateLimit-Reset": "50"}, 50),
        ({"RateLimit-Reset": "50;w=60"}, 50),
        ({"X-RateLimit-Reset": str(int(NOW) + 40)}, 40),
        ({"X-RateLimit-Reset": str(int(NOW) - 40)}, 0),
        ({"X-Rate-Limit-Reset": str(int(NOW + 40) * 1000)}, 40),
        ({"X-RateLimit-Reset": "never"}, None),
        ({"RateLimit-Reset": "?", "X-RateLimit-Reset": "8"}, 8),
    ],
)
def test_the_wait(headers, wait):
    assert wait_asked(headers, NOW) == wait
