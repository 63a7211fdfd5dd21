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

    `suspected` is when this node asked its peers to look, None if it did not. `visible` tells when each
    server was seen to serve the change. On nodes that did not write it is empty. `complete` once all of them do.
    """

    key: EndpointKey
    after: State
    reason: str
    first_seen: float
    suspected: float | None
    decided: float
    written: float | None = None
    visible: dict[str, float] = field(default_factory=dict)
    complete: bool = False

    def sentence(self) -> str:
        """Say where the time went, for the log."""
        steps = [("peers asked", self.suspected), ("decided", self.decided), ("written", self.written)]
        steps += [(f"visible on {server}", at) for server, at in sorted(self.visible.items())]
        parts = [f"{what} after {at - self.first_seen:.3f} s" for what, at in steps if at is not None]
        return f"{self.key.address} of {self.key.service} {self.after}: {', '.join(parts)}"


class Budget:
    """Follows transitions until every server shows them. `servers` tells which a service is published on."""

    def __init__(self, servers: Callable[[str], frozenset[str]], clock: Callable[[], float]) -> None:
        self._servers = servers
        self._clock = clock
        # By service, because each name that is written asks for its own: of a thousand at once, not for all of them.
        self._open: dict[str, dict[EndpointKey, Incident]] = {}
        self._suspected: dict[EndpointKey, float] = {}
        self.finished: deque[Incident] = deque(maxlen=KEPT)

    def suspected(self, key: EndpointKey) -> None:
        """Note that the peers were asked to look."""
        self._suspected[key] = self._clock()

    def decided(self, transition: Transition) -> None:
        """Note that a quorum agreed. A first verdict is no incident."""
        suspected = self._suspected.pop(transition.key, None)
        if transition.before is not State.UNKNOWN:
            now = self._clock()
            self._open.setdefault(transition.key.service, {})[transition.key] = Incident(
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
            incident.visible.setdefault(server, self._clock())
            if incident.visible.keys() >= self._servers(name):
                incident.complete = True
                done.append(incident)
                self._close(incident)
        self.finished.extend(done)
        return done

    def expire(self) -> list[Incident]:
        """Forget what another node has written; returns what this one wrote and not every server came to show."""
        limit = self._clock() - GIVEN_UP_SECONDS
        old = [one for name in self._open for one in self._of(name) if one.decided < limit]
        for incident in old:
            self._close(incident)
        for key in [key for key, at in self._suspected.items() if at < limit]:
            del self._suspected[key]
        stuck = [incident for incident in old if incident.written is not None]
        self.finished.extend(stuck)
        return stuck

    def _of(self, name: str) -> list[Incident]:
        return [*self._open.get(name, {}).values()]

    def _close(self, incident: Incident) -> None:
        own = self._open[incident.key.service]
        del own[incident.key]
        if not own:
            del self._open[incident.key.service]
