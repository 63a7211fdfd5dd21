"""What orders that change services and endpoints come to; checked by the same rules as a configuration file."""

import re

from rrdnsd.config import ServiceConfig
from rrdnsd.config.names import domain_name
from rrdnsd.control import orders as o
from rrdnsd.control.base import OrderError, Problem
from rrdnsd.core import orders
from rrdnsd.core.orders import Removed, Setting, changes
from rrdnsd.daemon.control.drafting import Draft, conflict, invalid, known_endpoint, known_service, supposed
from rrdnsd.daemon.control.effects import stop_text
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.words import listed
from rrdnsd.errors import ConfigError

_PLACED = re.compile(r'([A-Za-z_][\w.\[\]"-]*): (.+)', re.DOTALL)


def add_service(order: o.AddService, scene: Scene) -> Draft:
    """Watch one more service."""
    fqdn = _fqdn(order)
    try:
        setting = orders.place_service(fqdn, {**order.config, "fqdn": fqdn})
    except ValueError:
        raise invalid("config", "holds a number that is too large, or none at all (NaN)") from None
    config = _tried(scene, setting, fqdn)
    before = _service(scene.config.services, fqdn)
    if before is not None:
        if config != before:
            raise conflict(f"{fqdn} is watched already, in another way: remove it first")
        return Draft(fqdn, (), (), "it is watched already")
    count = len(config.ipaddrs)
    effect = f"watches {fqdn} with {count} endpoint{'s' if count > 1 else ''} on all nodes; what is up is published"
    return Draft(fqdn, (setting,), (effect,))


def remove_service(order: o.RemoveService, scene: Scene) -> Draft:
    """Stop to watch a service."""
    fqdn = order.service
    if isinstance(changes(scene.ledger).services.get(fqdn), Removed):
        return Draft(fqdn, (), (), "it was removed already")
    service = scene.engine.services[known_service(scene, fqdn)]
    addresses = sorted({e.address for e in service.endpoints} | service.withdrawn)
    setting = orders.remove_service(
        fqdn, withdraw=order.withdraw, zone=service.zone, provider=service.provider, addresses=addresses
    )
    _tried(scene, setting, "")
    effect = f"stops to watch {fqdn} on all nodes; its records stay as they are"
    if order.withdraw:
        effect = f"stops to watch {fqdn} on all nodes and deletes its records {listed(addresses)}"
    return Draft(fqdn, (setting,), (effect,))


def add_endpoint(order: o.AddEndpoint, scene: Scene) -> Draft:
    """Add an address to a service, or give it another priority or label."""
    target = f"{order.address} of {order.service}"
    endpoints = scene.engine.services[known_service(scene, order.service)].endpoints
    here = next((e for e in endpoints if e.address == order.address), None)
    if here and (here.priority, here.label) == (order.priority, order.label):
        return Draft(target, (), (), "it is there already")
    setting = orders.place_endpoint(order.service, order.address, order.priority, order.label)
    _tried(scene, setting, "")
    effect = f"adds {order.address} to {order.service} on all nodes; it is published once it is up"
    if here:
        effect = f"{target} gets priority {order.priority} and label {order.label!r}"
    return Draft(target, (setting,), (effect,))


def remove_endpoint(order: o.RemoveEndpoint, scene: Scene) -> Draft:
    """Remove an address from a service; the last one stays."""
    target = f"{order.address} of {order.service}"
    known_service(scene, order.service)
    if isinstance(changes(scene.ledger).endpoints_of(order.service).get(order.address), Removed):
        return Draft(target, (), (), "it was removed already")
    found = known_endpoint(scene, order.service, order.address)
    if len(scene.engine.services[order.service].endpoints) == 1:
        raise conflict(
            f"{order.address} is the only endpoint of {order.service}: add another one first, or remove the service"
        )
    setting = orders.remove_endpoint(*found, withdraw=not order.keep)
    _tried(scene, setting, "")
    effect = f"removes {order.address} from {order.service} on all nodes; {stop_text(scene, found)}"
    if order.keep:
        effect = f"stops to watch {target} on all nodes; its record stays as it is"
    return Draft(target, (setting,), (effect,))


def _fqdn(order: o.AddService) -> str:
    given = order.config.get("fqdn")
    if not isinstance(given, str):
        raise invalid("config.fqdn", "must be there, the name of the service as text")
    try:
        return domain_name(given)
    except ValueError as error:
        raise invalid("config.fqdn", str(error)) from None


def _tried(scene: Scene, setting: Setting, fqdn: str) -> ServiceConfig:
    """Return the service (any, without a name) as it would be configured.

    Raises:
        OrderError: the configuration that results has mistakes, or does not fit into the ledger.

    """
    try:
        config = scene.trial(changes(supposed(scene, [setting])), fqdn)
    except ConfigError as error:
        raise OrderError("invalid", problems(error)) from None
    return _service(config.services, fqdn) or config.services[0]


def problems(error: ConfigError, otherwise: str = "") -> list[Problem]:
    """Tell the mistakes with their fields; those that name no place in the file are about the field `otherwise`."""
    found = [(sentence, _PLACED.fullmatch(sentence)) for sentence in error.problems]
    return [Problem(at[1], at[2]) if at else Problem(otherwise, sentence) for sentence, at in found]


def _service(services: tuple[ServiceConfig, ...], fqdn: str) -> ServiceConfig | None:
    return next((service for service in services if service.fqdn == fqdn), None)
