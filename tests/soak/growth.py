"""What each node needs of memory and file descriptors, looked at each second, and whether it grows."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from soak import bounds

EVERY = 1.0
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
JUDGED = 3
"""So many calm phases of one process are needed to tell if it grows."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process."""

    at: float
    node: str
    pid: int
    rss_mb: float
    fds: int


class Sampler:
    """Looks at all nodes that run until it is closed; `samples` grows."""

    def __init__(self, nodes):
        self.samples = []
        self._nodes = nodes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join(10)

    def _watch(self):
        while not self._stop.wait(EVERY):
            for name, node in self._nodes.items():
                process = node.process
                if process and (sample := _look(name, process.pid)):
                    self.samples.append(sample)


def _look(name, pid):
    folder = Path("/proc", str(pid))
    try:
        pages = int((folder / "statm").read_text().split()[1])
        fds = len(list((folder / "fd").iterdir()))
    except (OSError, IndexError):
        return None  # it was killed
    return Sample(time.monotonic(), name, pid, pages * PAGE_MB, fds)


@dataclass(frozen=True, slots=True)
class Grown:
    """What became of one process: medians of the calm phases, in their order."""

    node: str
    pid: int
    lived: float
    rss_mb: tuple[float, ...]
    fds: tuple[float, ...]

    @property
    def rss_more(self):
        """How many MB more the last third of the calm phases has than the first third."""
        third = len(self.rss_mb) // 3
        return median(self.rss_mb[-third:]) - median(self.rss_mb[:third]) if third else 0.0

    @property
    def fds_more(self):
        """How many file descriptors more any later calm phase has than the first ones."""
        return max(self.fds[JUDGED:], default=0) - max(self.fds[:JUDGED]) if len(self.fds) > JUDGED else 0.0


def grown(samples, calms):
    """Return what each process that was seen needs in the calm phases, given as pairs of moments."""
    lives = {}
    for sample in samples:
        lives.setdefault((sample.node, sample.pid), []).append(sample)
    return [_life(node, pid, seen, calms) for (node, pid), seen in lives.items()]


def _life(node, pid, seen, calms):
    warm = seen[0].at + bounds.WARM_UP
    phases = [[s for s in seen if max(since, warm) <= s.at <= until] for since, until in calms]
    full = [phase for phase in phases if phase]
    return Grown(
        node,
        pid,
        seen[-1].at - seen[0].at,
        tuple(median(s.rss_mb for s in phase) for phase in full),
        tuple(median(s.fds for s in phase) for phase in full),
    )


def troubles(processes):
    """Say of each process what it should not need."""
    for one in processes:
        if one.rss_more > bounds.RSS_MORE_MB:
            yield f"{one.node} (process {one.pid}) has grown by {one.rss_more:.1f} MB: {_listed(one.rss_mb)}"
        if one.fds_more > bounds.FDS_MORE:
            yield f"{one.node} (process {one.pid}) has {one.fds_more:g} more file descriptors: {_listed(one.fds)}"
        if max(one.fds, default=0) > bounds.FDS_MOST:
            yield f"{one.node} (process {one.pid}) has {max(one.fds):g} file descriptors"
        if max(one.rss_mb, default=0) > bounds.RSS_MOST_MB:
            yield f"{one.node} (process {one.pid}) needs {max(one.rss_mb):.1f} MB"


def _listed(figures):
    return ", ".join(f"{figure:.1f}" for figure in figures)
