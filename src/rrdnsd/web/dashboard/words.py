"""The sentences and figures of the dashboard that no report holds ready."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from rrdnsd.control.reports import EndpointReport, ServedReport, ServiceReport, StatusReport

Tone = Literal["up", "degraded", "down", "unknown", "held"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_NAMED = 3
_RANK = {"down": 0, "degraded": 1, "unknown": 2, "up": 4}


@dataclass(frozen=True, slots=True)
class Headline:
    """The overall state: how it looks, one sentence without the names, and the names it is about."""

    tone: Tone
    sentence: str
    names: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How what a server serves differs from what it should: what is missing, and what should not be there."""

    missing: tuple[str, ...]
    surplus: tuple[str, ...]


def headline(status: StatusReport) -> Headline:
    """Say in one sentence how the services are."""
    services = status.services
    if not services:
        return Headline("unknown", "No service is watched", (), 0)
    counts = Counter(service.state for service in services)
    bad = [service for service in services if service.state in ("down", "degraded")]
    bad.sort(key=lambda service: (_RANK.get(service.state, 3), service.fqdn))
    total = len(services)
    if not bad:
        return _no_trouble(status, counts["unknown"], total)
    tone: Tone = "down" if counts["down"] else "degraded"
    sentence = _trouble(counts["down"], counts["degraded"], total) if total > 1 else f"The service is {tone}"
    names = tuple(service.fqdn for service in bad)
    return Headline(tone, sentence, names[:_NAMED], max(0, len(names) - _NAMED))


def _trouble(down: int, degraded: int, total: int) -> str:
    if down and degraded:
        return f"Of {total} services {down} {_are(down)} down and {degraded} {_are(degraded)} degraded"
    bad = down or degraded
    return f"{bad} of {total} services {_are(bad)} {'down' if down else 'degraded'}"


def _no_trouble(status: StatusReport, unknown: int, total: int) -> Headline:
    if status.cluster.no_quorum:
        return Headline("held", "No quorum: nothing is written to DNS", (), 0)
    if unknown:
        which = tuple(service.fqdn for service in status.services if service.state == "unknown")
        sentence = (
            f"{unknown} of {total} services {_are(unknown)} not known yet"
            if total > 1
            else "The service is not known yet"
        )
        return Headline("unknown", sentence, which[:_NAMED], max(0, len(which) - _NAMED))
    return Headline("up", f"All {total} services are up" if total > 1 else "The service is up", (), 0)


def banners(status: StatusReport) -> list[tuple[str, str]]:
    """Say what keeps rrdnsd from its usual work: a word for each and the sentence."""
    found = []
    if status.cluster.no_quorum:
        found.append(("No quorum", status.cluster.no_quorum))
    if status.paused:
        found.append(("Paused", status.paused))
    if status.mode == "shadow":
        found.append(("Shadow", "this node writes nothing to DNS; it shows what it would do"))
    found += [("Maintenance", _maintained(order.until, order.why)) for order in status.orders
              if order.kind == "maintenance" and not order.service]  # fmt: skip
    if status.cluster.abstains:
        found.append(("Abstains", status.cluster.abstains))
    if not status.cluster.orders_agree:
        found.append(("Orders differ", "not every node that is heard knows the same orders yet"))
    found += [("Differs", mismatch) for mismatch in status.cluster.mismatches]
    return found + [("Warning", warning) for warning in status.warnings]


def quorum(status: StatusReport) -> str:
    """Say how many nodes count."""
    nodes = status.cluster.nodes
    if nodes == 1:
        return "alone: its own quorum"
    counted = sum(peer.counted for peer in status.cluster.peers) + (not status.cluster.abstains)
    return f"{counted} of {nodes} nodes count, {nodes // 2 + 1} are a quorum"


def census(status: StatusReport) -> list[tuple[str, int]]:
    """Count the endpoints by state, in a fixed order, without the empty ones."""
    counts = Counter(endpoint.state for service in status.services for endpoint in service.endpoints)
    return [(state, counts[state]) for state in ("up", "down", "drained", "unknown") if counts[state]]


def rank(service: ServiceReport) -> tuple[int, str]:
    """Order services: those in trouble first, then by name."""
    if service.state == "up" and (attention(service) or service.held or service.maintenance):
        return 3, service.fqdn
    return _RANK.get(service.state, 3), service.fqdn


def attention(service: ServiceReport) -> bool:
    """Tell if a service deserves a look: DNS differs, or an endpoint is not simply up."""
    return any(not served.right for served in service.served) or any(
        endpoint.state != "up" or endpoint.forced for endpoint in service.endpoints
    )


def dns_summary(service: ServiceReport) -> str:
    """Say on how many servers DNS is as it should be."""
    servers = {served.server for served in service.served}
    if not servers:
        return "DNS not read yet"
    wrong = {served.server for served in service.served if not served.right}
    if wrong and len(servers) == 1:
        return "DNS differs on its server"
    if wrong:
        return f"DNS differs on {len(wrong)} of {len(servers)} {_plural(len(servers), 'server')}"
    return f"DNS is right on {_all(len(servers), 'server')}"


def vote_summary(service: ServiceReport) -> str:
    """Say if the nodes agree about the endpoints of a service."""
    nodes = {vote.node for endpoint in service.endpoints for vote in endpoint.votes}
    if not nodes:
        return "no votes yet"
    divided = split(service)
    if divided:
        return f"nodes disagree about {divided} {_plural(divided, 'endpoint')}"
    silent = {vote.node for endpoint in service.endpoints for vote in endpoint.votes if not vote.counted}
    if silent:
        return f"ballots of {len(silent)} of {len(nodes)} nodes do not count"
    return "one node votes" if len(nodes) == 1 else f"{len(nodes)} nodes agree"


def split(service: ServiceReport) -> int:
    """Count the endpoints about which the nodes whose ballots count do not agree."""
    return sum(
        len({vote.state for vote in endpoint.votes if vote.counted}) > 1 for endpoint in service.endpoints
    )


def difference(service: ServiceReport, served: ServedReport) -> Difference:
    """Name the addresses that make the difference between a server and what it should serve."""
    wanted = service.desired.get(served.rtype, [])
    if served.right or served.error:
        return Difference((), ())
    return Difference(
        tuple(address for address in wanted if address not in served.addresses),
        tuple(a for a in served.addresses if a not in wanted and a not in served.foreign),
    )


def published(endpoint: EndpointReport) -> tuple[str, str]:
    """Say how an endpoint stands in DNS: a class for its looks, and the words."""
    wanted, served = endpoint.published, endpoint.served
    if wanted is None:
        return "left", "left as it is in DNS"
    if served is None:
        return "partly", "on the way into DNS" if wanted else "on the way out of DNS"
    if wanted:
        return ("in", "in DNS") if served else ("partly", "not in DNS yet")
    return ("partly", "still in DNS") if served else ("out", "not in DNS")


def clock(at: float) -> str:
    """Return the time of day, UTC."""
    return time.strftime("%H:%M:%S", time.gmtime(at))


def moment(at: float, now: float) -> str:
    """Return the time of day, with the date if it is of another day; UTC."""
    when, today = time.gmtime(at), time.gmtime(now)
    return time.strftime("%H:%M:%S" if when[:3] == today[:3] else "%Y-%m-%d %H:%M", when)


def iso(at: float) -> str:
    """Return a time for machines."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def span(seconds: float) -> str:
    """Return a duration in its largest fitting unit or two: 42 s, 3 min, 2 h 5 min, 4 d."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        minutes = whole % _HOUR // _MINUTE
        return f"{whole // _HOUR} h" + (f" {minutes} min" if minutes else "")
    return f"{whole // _DAY} d"


def percent(share: float | None) -> str:
    """Return a share as a percentage that never rounds an outage away."""
    if share is None:
        return "—"
    if share >= 1:
        return "100 %"
    # 99.999 % must not read as 100 %: cut, do not round.
    return f"{int(share * 10_000) / 100:.2f} %"


def latency(ms: float | None) -> str:
    """Return a latency with three figures or so."""
    if ms is None:
        return "—"
    return f"{ms:.0f} ms" if ms >= 100 else f"{ms:.1f} ms"  # noqa: PLR2004 -- three figures


def _maintained(until: float | None, why: str) -> str:
    ends = f"of all services until {clock(until)} UTC" if until is not None else "of all services"
    return f"{ends}: {why}" if why else ends


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def _all(count: int, word: str) -> str:
    return {1: f"its {word}", 2: f"both {word}s"}.get(count, f"all {count} {word}s")
