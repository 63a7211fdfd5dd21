"""Searches a body for a regular expression, for no longer than a given time.

Some expressions take years on some texts ("(a+)+$"), the `re` module has no timeout, and no thread helps
because it holds the interpreter lock. It does look for signals while it searches: a timer that counts the
CPU time of the process ends it, in the main thread, which is the one that runs the event loop.
"""

import re
import signal
import threading
from types import FrameType

SECONDS = 0.1
"""CPU seconds a search may take; the event loop stands still that long at worst."""


class SearchTooSlow(Exception):  # noqa: N818 - it is raised by a timer, and says what happened
    """The expression was not decided in time."""


def search_within(pattern: re.Pattern[str], text: str, seconds: float = SECONDS) -> bool:
    """Whether the text contains a match. Raises as `match_within` does."""
    return match_within(pattern, text, 0, seconds) is not None


def match_within(pattern: re.Pattern[str], text: str, at: int, seconds: float = SECONDS) -> int | None:
    """Return where the first match from `at` on ends, None if there is none.

    Outside the main thread there are no signals, and so no time limit.

    Raises:
        SearchTooSlow: it took longer than that.

    """
    if threading.current_thread() is not threading.main_thread():
        return _end(pattern.search(text, at))
    armed = True

    def ring(_signal: int, _frame: FrameType | None) -> None:
        if armed:
            raise SearchTooSlow

    before = signal.signal(signal.SIGVTALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        return _end(pattern.search(text, at))
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _end(match: re.Match[str] | None) -> int | None:
    return None if match is None else match.end()
