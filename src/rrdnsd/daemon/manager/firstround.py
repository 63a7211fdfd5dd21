"""The first full round: every endpoint probed once, every zone read once on every server or found unreachable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rrdnsd.core.model import EndpointKey
from rrdnsd.daemon.runtime import Runtime

PATIENCE = 10.0
"""Seconds after the last probe that are given to DNS: for the votes of peers that must come before a zone is read, and
for servers that hang. A node without a quorum reads nothing, and is ready all the same."""


@dataclass(frozen=True, slots=True)
class Open:
    """What is missing: how many endpoints have no result yet, and the zones that were not read, `ZONE on SERVER`."""

    unprobed: int
    unread: Sequence[str]


class FirstRound:
    """Watches the first round until it is over.

    `calls` tells if an endpoint calls by itself (heartbeat) instead of being probed: nobody can hurry that, so it is not
    waited for. `longest` is how many seconds it takes at most until every endpoint was probed, so that a probe which
    never ends, a plug-in's bug, does not keep the node from being ready for ever.
    """

    def __init__(self, runtime: Runtime, calls: Callable[[EndpointKey], bool], longest: float) -> None:
        self._runtime = runtime
        self._calls = calls
        self._probed_by = runtime.clock() + longest
        self._probed_at: float | None = None

    def open(self) -> Open:
        """Return what is missing."""
        endpoints = self._runtime.engine.endpoints.items()
        unprobed = sum(
            status.voted_here and status.last is None and not self._calls(key) for key, status in endpoints
        )
        unread = [
            f"{zone} on {keeper.server}"
            for (_, zone), keepers in self._runtime.keepers.items()
            for keeper in keepers
            if not keeper.status.reads and not keeper.status.failures
        ]
        return Open(unprobed, unread)

    def is_over(self, missing: Open) -> bool:
        """Tell if the round is over, or has been waited for long enough."""
        now = self._runtime.clock()
        if missing.unprobed and now < self._probed_by:
            return False
        if self._probed_at is None:
            self._probed_at = now
        return not missing.unread or now >= self._probed_at + PATIENCE
