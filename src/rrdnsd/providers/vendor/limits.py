"""Reads from an answer's headers how long a vendor asks to be left alone."""

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MOST = 3600.0
"""Seconds; a vendor that asks for more is asked again after that."""

_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_EPOCH_FROM = 1e9  # seconds from now never are that many, POSIX times have been since 2001
_MILLISECONDS_FROM = 1e11


def wait_asked(headers: Mapping[str, str], now: float) -> float | None:
    """Tell how many seconds to wait, or None where the vendor does not say; `now` is POSIX time.

    Retry-After counts first, in seconds or as a date (RFC 9110, 10.2.3). Else the moment at which the limit
    is reset: vendors give it as POSIX time, or in seconds from now.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    if "retry-after" in lower:
        return _bounded(_retry_after(lower["retry-after"], now))
    resets = [_reset(lower[name], now) for name in _RESETS if name in lower]
    return _bounded(next((wait for wait in resets if wait is not None), None))


def _retry_after(text: str, now: float) -> float | None:
    seconds = _number(text)
    if seconds is not None:
        return seconds
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return None


def _reset(text: str, now: float) -> float | None:
    number = _number(text.partition(";")[0])
    if number is None or number < _EPOCH_FROM:
        return number
    return (number / 1000 if number >= _MILLISECONDS_FROM else number) - now


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bounded(wait: float | None) -> float | None:
    return None if wait is None else min(max(wait, 0.0), MOST)
