"""From effective states to what shall be published. Health can shrink an RRset and never empty it.

Each family (A, AAAA) is decided by itself, so that IPv4 trouble does not cost IPv6 clients anything, but the
fail-open share counts both families together: a monitor that sees most of a service fail at once is more
likely to be wrong than right.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rrdnsd.core.model import Endpoint, RRsetKey, RRType, Service, State, rtype_of
from rrdnsd.core.override import Effective, Override

REMOVED = "removed by an operator"
"""The reason of addresses that are no endpoints any more and are to be deleted."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What one service's RRsets shall look like, and why.

    `present` addresses shall be served and `absent` ones shall not; an address in neither is left as it is
    found, and so is every foreign record. `drained` addresses are absent because an operator said so: they are
    drained, forced down, or removed and `withdrawn`. `down` ones are those that health would take away.
    `held` says why nothing may be written at all; "" when it may. `fail_open` says why health is not
    believed; "" when it is. `failover` is the operator's order that is in force; "" if there is none, or too few
    of the endpoints it names are up. `floor` is how many of its addresses stay served whatever health says.
    """

    service: str
    zone: str
    provider: str
    ttl: int
    present: Mapping[RRsetKey, frozenset[str]]
    absent: Mapping[RRsetKey, frozenset[str]]
    drained: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()
    held: str = ""
    fail_open: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    floor: int = 0
    withdrawn: frozenset[str] = frozenset()
    failover: str = ""

    @property
    def keys(self) -> tuple[RRsetKey, ...]:
        """The RRsets this service owns."""
        return tuple(self.present)

    def asks_for_the_same(self, other: "Publication") -> bool:
        """Tell if the other one differs in nothing but its reasons."""
        return replace(self, reasons=other.reasons) == other


def publish(
    service: Service, states: Mapping[str, Effective], frozen: str = "", failover: Override | None = None
) -> Publication:
    """Decide what is published for a service. `frozen` is why nothing may be written, "" if it may.

    A pending endpoint is neither up nor down, whatever its last verdict was: nodes may remember different ones.
    It is left as it is found, and so is each endpoint whose publishing depends on a pending one.
    """
    out = {e.address: states[e.address].out for e in service.endpoints if states[e.address].out}
    candidates = [e for e in service.endpoints if e.address not in out]
    fail_open = _fail_open(service, candidates, states)
    families = {
        RRsetKey(service.fqdn, rtype): _family(
            service, rtype, [e for e in candidates if e.rtype == rtype], states, failover, bool(fail_open)
        )
        for rtype in _families(service)
    }
    steered = any(family.steered for family in families.values())
    reasons = {address: state.reason for address, state in states.items()}
    return Publication(
        service.fqdn, service.zone, service.provider, service.ttl,
        {key: family.present for key, family in families.items()},
        {key: family.absent for key, family in families.items()},
        drained=frozenset(out) | service.withdrawn,
        down=frozenset(e.address for e in candidates if states[e.address].state is State.DOWN),
        held=frozen or _unverified(candidates, states), fail_open=fail_open,
        reasons=reasons | out | dict.fromkeys(service.withdrawn, REMOVED),
        floor=0 if steered else _floor(service, candidates),
        withdrawn=service.withdrawn, failover=failover.sentence if failover and steered else "",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Family:
    """What is decided for one RRset; `steered` if an operator's failover decided it."""

    present: frozenset[str]
    absent: frozenset[str]
    steered: bool


def _family(
    service: Service, rtype: RRType, members: list[Endpoint], states: Mapping[str, Effective],
    failover: Override | None, fail_open: bool,
) -> _Family:  # fmt: skip
    configured = frozenset(e.address for e in service.endpoints if e.rtype == rtype)
    pending = frozenset(e.address for e in members if states[e.address].pending)
    up = frozenset(e.address for e in members if states[e.address].state is State.UP) - pending
    tiers = _tiers(members)
    preferred = tiers[0] if tiers else frozenset()
    last_resort = preferred if fail_open else up | pending or preferred
    if fail_open and len(tiers) == 1:
        tiers = []
    named = failover.to & configured if failover else frozenset()
    enough = service.min_up if len(named) >= service.min_up else 1
    best, worst = (
        named & believed
        if len(named & believed) >= enough
        else _choose(tiers, believed, service.min_up, last_resort)
        for believed in (up | pending, up)
    )
    withdrawn = frozenset(a for a in service.withdrawn if rtype_of(a) == rtype)
    absent = (configured - best - worst - pending) | withdrawn
    return _Family((best & worst) - pending, absent, steered=len(named & up) >= enough)


def _families(service: Service) -> tuple[RRType, ...]:
    return tuple(sorted({e.rtype for e in service.endpoints} | {rtype_of(a) for a in service.withdrawn}))


def _unverified(candidates: list[Endpoint], states: Mapping[str, Effective]) -> str:
    unknown = [e.address for e in candidates if states[e.address].state is State.UNKNOWN]
    waiting = [address for address in unknown if not states[address].divided]
    return f"no verdict yet on {', '.join(waiting)}" if waiting else ""


def _fail_open(service: Service, candidates: list[Endpoint], states: Mapping[str, Effective]) -> str:
    if service.fail_open_threshold is None or not candidates:
        return ""
    found = [states[e.address] for e in candidates]
    down = sum(effective.state is State.DOWN and not effective.pending for effective in found)
    if down <= service.fail_open_threshold * len(candidates):
        return ""
    return f"{down} of {len(candidates)} endpoints are down, more than {service.fail_open_threshold:.0%}: all stay published"


def _floor(service: Service, candidates: list[Endpoint]) -> int:
    """Count what fail-open leaves published at least. A tier may go as a whole: with several there is no such number."""
    if service.fail_open_threshold is None or len({e.priority for e in service.endpoints}) > 1:
        return 0
    return len(candidates) - int(service.fail_open_threshold * len(candidates))


def _tiers(members: list[Endpoint]) -> list[frozenset[str]]:
    """Return the addresses of each tier, the preferred one first."""
    priorities = sorted({e.priority for e in members})
    return [frozenset(e.address for e in members if e.priority == priority) for priority in priorities]


def _choose(
    tiers: list[frozenset[str]], up: frozenset[str], min_up: int, last_resort: frozenset[str]
) -> frozenset[str]:
    """Pick the healthy ones of the best tier that has enough of them, else the least bad choice."""
    return next((tier & up for tier in tiers if len(tier & up) >= min_up), last_resort)
