"""Times as people type and read them: durations, moments, local time with seconds."""

import re
import time
from datetime import datetime

from rrdnsd.cli.exits import CommandError, Exit

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,3})?[smhdw])+")
_PART = re.compile(r"([0-9.]+)([smhdw])")
_LONGEST = 10 * 366 * 86_400


def parse_duration(text: str, what: str) -> float:
    """Return the seconds of "90s", "2h", "1h30m" or "7d".

    Raises:
        CommandError: it is none; `what` names the option.

    """
    if not _DURATION.fullmatch(text):
        raise CommandError(f"{what} must be like 90s, 30m, 2h, 1h30m or 7d, not {text!r}", Exit.INVALID)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if not 0 < seconds <= _LONGEST:
        raise CommandError(f"{what} must be more than nothing and at most ten years", Exit.INVALID)
    return seconds


def parse_moment(text: str, what: str) -> datetime:
    """Return the moment of an ISO 8601 text; without an offset it is local time.

    Raises:
        CommandError: it is none; `what` names the option.

    """
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        example = datetime.now().astimezone().replace(microsecond=0).isoformat()
        raise CommandError(f"{what} must be a time like {example}, not {text!r}", Exit.INVALID) from None


def parse_since(text: str, what: str, now: float) -> float:
    """Return the epoch seconds of a moment, or of so long ago."""
    if _DURATION.fullmatch(text):
        return now - parse_duration(text, what)
    return parse_moment(text, what).timestamp()


def show_time(at: float, now: float) -> str:
    """Write a time in local time, with the date unless it is today."""
    form = "%H:%M:%S" if _day(at) == _day(now) else "%Y-%m-%d %H:%M:%S"
    return time.strftime(form, time.localtime(at))


def show_moment(at: float) -> str:
    """Write a time in local time with its date."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def show_duration(seconds: float) -> str:
    """Write a duration in its two largest units: "55 s", "2 h 5 min", "3 d"."""
    left = max(0, round(seconds))
    if left < _UNITS["m"]:
        return f"{left} s"
    parts = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= size:
            parts.append(f"{left // size} {name}")
            left %= size
    return " ".join(parts[:2])


def _day(at: float) -> tuple[int, int]:
    moment = time.localtime(at)
    return moment.tm_year, moment.tm_yday
