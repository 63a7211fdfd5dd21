"""Counts refused messages by cause, and logs each cause at most once a minute."""

import logging
from collections import Counter
from collections.abc import Callable

log = logging.getLogger(__name__)

QUIET_SECONDS = 60.0


class Refusals:
    """What was refused so far, by cause."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._logged: dict[str, float] = {}
        self.counts: Counter[str] = Counter()

    def note(self, cause: str, text: str) -> None:
        """Count a refusal; `cause` is one of a few words, `text` the sentence for the log."""
        self.counts[cause] += 1
        now = self._clock()
        if now - self._logged.get(cause, float("-inf")) < QUIET_SECONDS:
            return
        self._logged[cause] = now
        log.warning("[quorum] %s (%d so far for this cause)", text, self.counts[cause])
