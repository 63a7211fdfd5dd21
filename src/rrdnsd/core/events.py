"""What may happen to the engine. One frozen object each; the time at which it happens comes beside it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rrdnsd.core.model import EndpointKey, ProbeResult, Service
from rrdnsd.core.override import Override
from rrdnsd.core.votes import Statement


@dataclass(frozen=True, slots=True)
class Probed:
    """Probes of this node came back."""

    results: Sequence[tuple[EndpointKey, ProbeResult]]


@dataclass(frozen=True, slots=True)
class Ordered:
    """The operators' orders changed; these are all that stand now."""

    overrides: tuple[Override, ...]


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """The services changed; these are all there are now. Unchanged ones keep their health."""

    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Reseated:
    """The list of nodes changed; these are all there are now."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time went by: orders may have ended, votes may have expired. What is published of the `certain` services is to be of now."""

    certain: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """A peer said something."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class Connectivity:
    """The check of this node's own link ended; `trouble` is "" if the link is good."""

    trouble: str


Event = Probed | Ordered | Reconfigured | Reseated | Ticked | Heard | Connectivity
