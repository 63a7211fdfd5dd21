"""An endpoint: who thinks what of it, and how far its drain is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoteReport:
    """One node's ballot on an endpoint. `state` is up, down or unknown; `counted` tells if it counts now."""

    node: str
    state: str
    reason: str
    counted: bool


@dataclass(frozen=True, slots=True)
class DrainReport:
    """How far a drain is. `safe_at` is when the last cache must have forgotten the address; None while it is served.

    `waiting_for` says what it waits for: servers that still serve the address, a pause, a quorum.
    """

    since: float
    safe_at: float | None
    safe: bool
    waiting_for: str


@dataclass(frozen=True, slots=True)
class RememberedReport:
    """What the last run of this node knew of an endpoint, `until` it ended; it counts as unknown until it is verified.

    `verdict` (up or down) was the quorum's, with its `reason` and `since` when, `vote` (up, down, unknown) this
    node's.
    """

    verdict: str
    reason: str
    since: float
    until: float
    vote: str


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """One address of a service.

    `verdict` is the quorum's (up, down, unknown), `state` what counts after orders: up, down, unknown, drained.
    `pending` means no quorum stands behind the verdict now. `forced` is up, down or "". `published` tells
    if it shall be in DNS; None: it is left as it is found. `served` tells if every DNS server that was
    read serves it, None if some do or nothing is known. `probe` is this node's last result. `remembered` is
    what the last run knew, null as soon as this run knows, or if there is nothing.
    """

    address: str
    priority: int
    label: str
    state: str
    verdict: str
    reason: str
    since: float
    pending: bool
    forced: str
    published: bool | None
    served: bool | None
    latency_ms: float | None
    probe: str
    probe_ok: bool | None
    cert_days: int | None
    drain: DrainReport | None
    votes: list[VoteReport]
    remembered: RememberedReport | None = None
