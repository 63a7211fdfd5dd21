"""What a receiver says about when to come again: the header Retry-After (RFC 9110, 10.2.3)."""

from email.utils import parsedate_to_datetime

LONGEST = 3600.0
"""Seconds that a receiver may ask for; what it asks beyond that is cut."""


def seconds(text: str, now: float) -> float | None:
    """Return how many seconds to wait, None if it does not say; `now` is epoch seconds, for a date."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST)
    try:
        at = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, at - now), LONGEST)
