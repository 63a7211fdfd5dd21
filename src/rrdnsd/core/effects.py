"""What the engine wants done. The shell carries effects out; none of them can fail back into the engine."""

from dataclasses import dataclass

from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.publish import Publication


@dataclass(frozen=True, slots=True)
class Recheck:
    """Probe this endpoint again after `delay` seconds instead of waiting for its turn."""

    key: EndpointKey
    delay: float


@dataclass(frozen=True, slots=True)
class Transition:
    """A verdict changed. `first_seen` is when the first probe of another opinion came back."""

    key: EndpointKey
    before: State
    after: State
    reason: str
    first_seen: float


@dataclass(frozen=True, slots=True)
class ServiceTransition:
    """A whole service went down (no endpoint is up) or came back."""

    service: str
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Publish:
    """What shall be published for a service changed; the reconciler makes it so."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class Retire:
    """A service is no longer configured: its records are not ours any more."""

    service: str
    zone: str
    provider: str


@dataclass(frozen=True, slots=True)
class Voted:
    """The vote of this node on an endpoint changed; the peers are to hear of it at once."""

    key: EndpointKey


@dataclass(frozen=True, slots=True)
class Suspected:
    """A first failure was seen here; the peers are to look at this endpoint at once."""

    key: EndpointKey


@dataclass(frozen=True, slots=True)
class Abstained:
    """The node began to abstain, or has another reason to; "" means that its ballots count again."""

    reason: str


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """The ballots of a peer began to count, or no longer do; `reason` says why not."""

    node: str
    counted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Mismatched:
    """A peer is configured differently; "" means that the difference is gone. No service: the nodes differ."""

    node: str
    service: str
    text: str


Effect = (
    Recheck
    | Transition
    | ServiceTransition
    | Publish
    | Retire
    | Voted
    | Suspected
    | Abstained
    | PeerChanged
    | Mismatched
)
