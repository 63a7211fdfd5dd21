"""What the keepers of DNS zones have to tell; logs, API, metrics and notifiers are fed from these."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wrote:
    """A server accepted a change of one name. `reason` lists the additions and removals with their cause.

    `drift` is true if the difference was found by a regular look and not caused by a new decision.
    """

    server: str
    zone: str
    name: str
    reason: str
    drift: bool


@dataclass(frozen=True, slots=True)
class Served:
    """A server was seen to serve what is desired for a name, `after` seconds after it was desired."""

    server: str
    zone: str
    name: str
    after: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A server could not be read or written; it is tried again in `retry_in` seconds."""

    server: str
    zone: str
    reason: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class Recovered:
    """A server that had failed works again."""

    server: str
    zone: str
    failed_for: float


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something an operator should see about a name: foreign records, a CNAME, a TTL that the server clamps.

    `alarm` is set for a refusal by the guard.
    """

    server: str
    zone: str
    name: str
    text: str
    alarm: bool = False


Report = Wrote | Served | Failed | Recovered | Noticed
Tell = Callable[[Report], None]
