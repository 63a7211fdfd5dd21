"""How long to wait before trying again."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with jitter; `first` and `most` are seconds.

    Half of each delay is random, so that nodes which lost the same server at the same moment do not come
    back to it at the same moment.
    """

    first: float = 0.5
    most: float = 30.0

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row (1 or more)."""
        ceiling = min(self.most, self.first * 2.0 ** min(failures - 1, 16))
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter is no secret
