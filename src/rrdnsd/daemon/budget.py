"""The failover budget of each incident: how long it took to detect, to vote, to write, and to be visible."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from rrdnsd.core.effects import Transition
from rrdnsd.core.model import EndpointKey, State

GIVEN_UP_SECONDS = 60.0
KEPT = 1000


@dataclass(slots=True)
class Incident:
    """One transition on its way into DNS. Times are on the daemon's monotonic clock, in seconds.

    `visible` tells when each server was seen to serve the change. On nodes that did not write it is empty.
    """

    key: EndpointKey
    after: State
    reason: str
    first_seen: float
    suspected: float
    decided: float
    written: float | None = None
    visible: dict[str, float] = field(default_factory=dict)

    def sentence(self) -> str:
        """Say where the time went, for the log."""
        written = self.written if self.written is not None else self.decided
        parts = [
            f"decided {self.decided - self.first_seen:.3f} s after the first sign",
            f"written after {written - self.first_seen:.3f} s",
        ]
        parts += [
            f"visible on {s} after {at - self.first_seen:.3f} s" for s, at in sorted(self.visible.items())
        ]
        return f"{self.key.address} of {self.key.service} {self.after}: {', '.join(parts)}"


class Budget:
    """Follows transitions until every server shows them. `servers` tells which a service is published on."""

    def __init__(self, servers: Callable[[str], frozenset[str]], clock: Callable[[], float]) -> None:
        self._servers = servers
        self._clock = clock
        self._open: dict[EndpointKey, Incident] = {}
        self._suspected: dict[EndpointKey, float] = {}
        self.finished: deque[Incident] = deque(maxlen=KEPT)

    def suspected(self, key: EndpointKey) -> None:
        """Note that the peers were asked to look."""
        self._suspected[key] = self._clock()

    def decided(self, transition: Transition) -> None:
        """Note that a quorum agreed. A first verdict is no incident."""
        suspected = self._suspected.pop(transition.key, transition.first_seen)
        if transition.before is not State.UNKNOWN:
            now = self._clock()
            self._open[transition.key] = Incident(
                transition.key, transition.after, transition.reason, transition.first_seen, suspected, now
            )

    def written(self, name: str) -> None:
        """Note that a server accepted an update of this name."""
        for incident in self._of(name):
            if incident.written is None:
                incident.written = self._clock()

    def visible(self, name: str, server: str) -> list[Incident]:
        """Note that a server shows what is desired; returns the incidents that are finished by that."""
        done = []
        for incident in self._of(name):
            incident.visible[server] = self._clock()
            if incident.visible.keys() >= self._servers(name):
                done.append(incident)
                del self._open[incident.key]
        self.finished.extend(done)
        return done

    def expire(self) -> None:
        """Forget what another node has written, or what will not become visible."""
        limit = self._clock() - GIVEN_UP_SECONDS
        for key in [key for key, incident in self._open.items() if incident.decided < limit]:
            del self._open[key]
        for key in [key for key, at in self._suspected.items() if at < limit]:
            del self._suspected[key]

    def _of(self, name: str) -> list[Incident]:
        return [incident for key, incident in self._open.items() if key.service == name]
