"""Small pieces of the sentences that operators read."""

from collections.abc import Sequence
from datetime import UTC, datetime

_DAY, _HOUR, _MINUTE = 86400, 3600, 60
_LAST = 253_402_300_799.0


def clock(at: float, now: float) -> str:
    """Write a moment (epoch seconds), with its date only if that is not today's."""
    moment, today = (datetime.fromtimestamp(min(max(t, 0.0), _LAST), UTC) for t in (at, now))
    return moment.strftime("%H:%M:%S UTC" if moment.date() == today.date() else "%Y-%m-%d %H:%M:%S UTC")


def span(seconds: float) -> str:
    """Write a duration in its two largest units: 3 d 4 h, 12 min, 40 s."""
    left = max(0, int(seconds))
    if left >= _DAY:
        return f"{left // _DAY} d {left % _DAY // _HOUR} h"
    if left >= _HOUR:
        return f"{left // _HOUR} h {left % _HOUR // _MINUTE} min"
    return f"{left // _MINUTE} min {left % _MINUTE} s" if left >= _MINUTE else f"{left} s"


def listed(items: Sequence[str], last: str = "and") -> str:
    """Write a list: a, b and c."""
    return f" {last} ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def by(who: str, why: str) -> str:
    """Say who ordered something and why: " by ann (new switch)"."""
    return (f" by {who}" if who else "") + (f" ({why})" if why else "")
