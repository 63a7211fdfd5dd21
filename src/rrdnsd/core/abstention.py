"""When a node distrusts itself: it keeps probing and telling what it sees, and its ballots do not count."""

from collections import Counter
from dataclasses import dataclass, field

from rrdnsd.core.model import EndpointKey

SEVERAL_SERVICES = 2


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a node does not trust itself; empty when it does. The sentence may change while the cause stays."""

    cause: str = ""
    sentence: str = ""


@dataclass(slots=True)
class Abstention:
    """The reasons this node has to abstain.

    `lonely` are endpoints that it believes down while most peers that are heard believe them up. When these
    are most of what it votes on, over several services, its own link is more likely to be the cause.
    """

    learning_until: float | None = None
    offline: str = ""
    lonely: set[EndpointKey] = field(default_factory=set)
    _services: Counter[str] = field(default_factory=Counter)

    def mark(self, key: EndpointKey, *, lonely: bool) -> None:
        """Note whether this node stands alone in believing an endpoint down."""
        if lonely == (key in self.lonely):
            return
        if lonely:
            self.lonely.add(key)
            self._services[key.service] += 1
        else:
            self.lonely.discard(key)
            self._services[key.service] -= 1
            if not self._services[key.service]:
                del self._services[key.service]

    def forget(self, key: EndpointKey) -> None:
        """Drop an endpoint that is no longer configured."""
        self.mark(key, lonely=False)

    def doubt(self, voted: int, now: float) -> Doubt:
        """Say why this node abstains. `voted` counts the endpoints it has an opinion on."""
        if self.learning_until is not None and now < self.learning_until:
            return Doubt("learning", "learning the other nodes' votes before it speaks for itself")
        if self.offline:
            return Doubt("offline", self.offline)
        if len(self._services) >= SEVERAL_SERVICES and 2 * len(self.lonely) > voted:
            return Doubt(
                "lonely",
                f"sees {len(self.lonely)} of {voted} endpoints of {len(self._services)} services down "
                "that its peers see up: its own link may be at fault",
            )
        return Doubt()
