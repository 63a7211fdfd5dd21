"""How late probes begin: the last several thousand of them, and all of them since the start-up."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence

from rrdnsd.metrics.names import LAG_BOUNDS
from rrdnsd.metrics.tally import Distribution

_RECENT = 8192


class Punctuality:
    """Takes in when probes were due, then when they began. Lags are in seconds.

    Probes begin in the order in which they were handed over; what is not begun at once is not late yet, but will be.
    """

    def __init__(self) -> None:
        self._dues: deque[float] = deque()
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._all = Distribution(LAG_BOUNDS)

    @property
    def all(self) -> Distribution:
        """How many probes began how late, since `settle`."""
        return self._all

    def due(self, moments: Iterable[float]) -> None:
        """Note that probes are handed over that were due at these moments."""
        self._dues.extend(moments)

    def begun(self, waiting: int, now: float) -> None:
        """Note that by now all have begun but the last `waiting`."""
        dues, recent, counts = self._dues, self._recent, self._all.counts
        total = 0.0
        for _ in range(len(dues) - waiting):
            lag = now - dues.popleft()
            recent.append(lag)
            counts[bisect_left(LAG_BOUNDS, lag)] += 1
            total += lag
        self._all.total += total

    def settle(self) -> None:
        """Forget how late probes began while the daemon was still being put together around them."""
        self._recent.clear()
        self._all = Distribution(LAG_BOUNDS)

    def clear(self) -> None:
        """Forget what was handed over: it will not begin any more."""
        self._dues.clear()

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Return within which lag these shares of the last several thousand began; 0 before the first."""
        ordered = sorted(self._recent)
        last = len(ordered) - 1
        return [ordered[min(int(share * len(ordered)), last)] if ordered else 0.0 for share in shares]
