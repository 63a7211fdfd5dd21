"""Keeps the garbage collector from holding up probes: what is known to live is not walked through again and again.

Python's collector goes through everything that has survived so far each time a quarter as much has come on top. With
10,000 endpoints that took 30 to 70 ms, every two seconds, in which no probe began. Nearly nothing here is cyclic
garbage; the rest is freed by its reference count, frozen or not.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

LONG = 0.005
"""Seconds that a full collection may take before what survived it is left out of the next ones."""

WHOLE_SECONDS = 3600.0
"""After so long everything is looked through once more, because nothing else frees a cycle that was frozen."""

THRESHOLDS = (5_000, 1, 1)
"""When the collector looks. The usual 700 objects are made and freed again by each batch of probes. A full collection comes
sooner than with the usual (700, 10, 10), after 20,000 objects that stay instead of 70,000, and so is short; one of 200,000, as
the reports and changes of a mass outage are, took 40 ms.
"""

_OLDEST = 2


class Tamer:
    """What the collector calls before and after each of its runs: freezes what survived a long full one.

    That is no garbage at that moment, and to freeze it costs nothing.
    """

    def __init__(
        self, clock: Callable[[], float], freeze: Callable[[], None], unfreeze: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._freeze = freeze
        self._unfreeze = unfreeze
        self._began = self._whole = clock()

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        """Take note of the beginning or the end of a run."""
        if info["generation"] != _OLDEST:
            return
        now = self._clock()
        if phase == "start":
            self._began = now
            if now - self._whole >= WHOLE_SECONDS:
                self._whole = now
                self._unfreeze()
        elif now - self._began > LONG:
            self._freeze()


@contextmanager
def tamed() -> Iterator[None]:
    """Collect once, leave out what is there by then, and keep full collections short while the block runs."""
    before, tamer = gc.get_threshold(), Tamer(monotonic, gc.freeze, gc.unfreeze)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(tamer)
    try:
        yield
    finally:
        gc.callbacks.remove(tamer)
        gc.set_threshold(*before)
