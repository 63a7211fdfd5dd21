"""What an order comes to before anything is changed: a draft, or the error that says why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass

from rrdnsd.control.base import OrderError, Problem
from rrdnsd.core.ledger import MAX_WALL_MS, Entry, Stamp
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.orders import Setting, overrides
from rrdnsd.daemon.control.effects import dns_effects
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.words import listed
from rrdnsd.errors import LedgerError

_MANY = 20


@dataclass(frozen=True, slots=True)
class Draft:
    """What an order puts into the ledger, on what, and what comes of it as sentences.

    `stands` says that nothing changes because it is so already. `safe_at` is when an address that a drain
    takes away now may be stopped, in epoch seconds.
    """

    target: str
    settings: tuple[Setting, ...]
    effect: tuple[str, ...]
    stands: str = "it is so already"
    drains: tuple[EndpointKey, ...] = ()
    safe_at: float | None = None


def not_found(field: str, what: str, named: str, there: Sequence[str]) -> OrderError:
    """Say that something is unknown, and what there is."""
    known = sorted(there)
    names = listed(known[:_MANY]) + (f" and {len(known) - _MANY} more" if len(known) > _MANY else "")
    return OrderError(
        "not found", [Problem(field, f"there is no {what} {named!r}; there is {names or 'none'}")]
    )


def invalid(field: str, sentence: str) -> OrderError:
    """Say what is wrong about a field."""
    return OrderError("invalid", [Problem(field, sentence)])


def conflict(sentence: str) -> OrderError:
    """Say what stands in the way."""
    return OrderError("conflict", [Problem("", sentence)])


def known_service(scene: Scene, fqdn: str, field: str = "service") -> str:
    """Return the service's name if it is watched.

    Raises:
        OrderError: it is not.

    """
    watched = [name for name, service in scene.engine.services.items() if service.endpoints]
    if fqdn not in watched:
        raise not_found(field, "service", fqdn, watched)
    return fqdn


def known_endpoint(scene: Scene, service: str, address: str) -> EndpointKey:
    """Return the endpoint's key if the service has it.

    Raises:
        OrderError: it has not, or there is no such service.

    """
    endpoints = scene.engine.services[known_service(scene, service)].endpoints
    if address not in (here := [e.address for e in endpoints]):
        raise not_found("address", f"address of {service}", address, here)
    return EndpointKey(service, address)


def supposed(scene: Scene, settings: Sequence[Setting], by: str = "", why: str = "") -> list[Entry]:
    """Return what the ledger would be with these settings."""
    latest = Stamp(MAX_WALL_MS, 0, scene.config.local_node)
    try:
        added = {s.key: Entry(s.key, latest, s.value, by, why) for s in settings}
    except LedgerError as error:
        raise OrderError("invalid", [Problem("", str(error))]) from error
    return [*({entry.key: entry for entry in scene.ledger} | added).values()]


def preview(scene: Scene, settings: Sequence[Setting], by: str = "", why: str = "") -> list[str]:
    """Say what these settings would do to DNS."""
    engine = scene.engine
    orders = overrides(supposed(scene, settings, by, why), scene.wall, scene.now)
    return dns_effects(scene, engine.publications, engine.preview(orders, scene.now))
