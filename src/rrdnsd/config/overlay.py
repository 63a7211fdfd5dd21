"""The configuration that results from the file and what operators changed through the API.

The result is checked by the very same rules as a file. Nothing here has a memory: the same file and the same
changes give the same configuration, on every node and after every restart.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rrdnsd.config.addresses import endpoint_address
from rrdnsd.config.effective import DEFAULT_PROVIDER
from rrdnsd.config.loader import Loaded, effective_raw, ordered, sentence, validate
from rrdnsd.config.names import domain_name, is_within
from rrdnsd.config.problem import Loc, Problem
from rrdnsd.config.reading import without_comments
from rrdnsd.config.schema import Config
from rrdnsd.core.orders import Change, Changes, Placed, Removed, Unlisted
from rrdnsd.core.quorum import quorum
from rrdnsd.errors import ConfigError

SOURCE = "configuration"
_MAY_REFER = ("headers", "heartbeat_secret", "probe_options", "query_response")
_ABOUT_NODES = (("nodes",), ("local_node",))


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A service that was removed, and the records of it that are to be deleted."""

    fqdn: str
    zone: str
    provider: str
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Overlaid:
    """The configuration with as many of the changes as fit, and a sentence for each that does not."""

    config: Config
    changes: Changes
    left_out: tuple[str, ...] = ()


def overlay(loaded: Loaded, changes: Changes, nodes: Sequence[str] | None = None, about: str = "") -> Config:
    """Return the file's configuration with these changes, and with other nodes if they are given.

    Sentences about the service `about`, which somebody is just placing, begin with `config`, those about other
    changed services with `services["FQDN"]`.

    Raises:
        ConfigError: that cannot be used; the error holds a sentence for every mistake.

    """
    config, problems = _checked(loaded, changes, nodes, about)
    if config is None or problems:
        raise ConfigError(SOURCE, [sentence(told) for _, told in problems])
    return config


def overlay_what_fits(loaded: Loaded, changes: Changes, nodes: Sequence[str] | None = None) -> Overlaid:
    """Return the file's configuration with all changes but those that make it unusable. Never raises.

    Two nodes may each take a change that is right by itself, while both together are not. Each node leaves the
    same out: all changes of the services that are wrong or, where no service is, all there are.
    """
    left_out: list[str] = []
    while True:
        config, problems = _checked(loaded, changes, nodes)
        if config is not None and not problems:
            return Overlaid(config, changes, tuple(left_out))
        left_out += [sentence(told) for _, told in problems]
        if nodes is not None and any(told.loc[:1] in _ABOUT_NODES for _, told in problems):
            nodes = None
            continue
        if changes.leaves_the_file:
            return Overlaid(loaded.config, changes, tuple(left_out))
        fewer = _without(changes, {fqdn for fqdn, _ in problems})
        changes = fewer if fewer != changes else Changes(unlisted=changes.unlisted)


def withdrawn_endpoints(config: Config, changes: Changes) -> dict[str, frozenset[str]]:
    """Return, for each service, the addresses that are no endpoints of it any more and whose records are to go."""
    found: dict[str, frozenset[str]] = {}
    endpoints = changes.by_service()
    for service in config.services:
        here = {endpoint.address for endpoint in service.ipaddrs}
        ordered = {
            address
            for address, change in endpoints.get(service.fqdn, {}).items()
            if isinstance(change, Removed) and change.withdraw
        }
        by_files = unlisted_by_quorum(config, changes.unlisted.get(service.fqdn, {}))
        if by_files and (by_files.zone, by_files.provider) == (service.zone, service.provider):
            ordered |= by_files.addresses
        if ordered - here:
            found[service.fqdn] = frozenset(ordered - here)
    return found


def withdrawn_services(config: Config, changes: Changes) -> tuple[Withdrawal, ...]:
    """Return the services that are watched no more, by order or by the files, and whose records are to go."""
    here = {service.fqdn for service in config.services}
    providers = {DEFAULT_PROVIDER, *config.providers}
    found: dict[str, Withdrawal] = {}
    for fqdn, unlisted in changes.unlisted.items():
        by_files = unlisted_by_quorum(config, unlisted)
        if by_files:
            found[fqdn] = Withdrawal(fqdn, by_files.zone, by_files.provider, by_files.addresses)
    for fqdn, change in changes.services.items():
        if isinstance(change, Removed) and change.withdraw and change.addresses:
            found[fqdn] = Withdrawal(fqdn, change.zone, change.provider, change.addresses)
    return tuple(
        gone
        for fqdn, gone in sorted(found.items())
        if fqdn not in here and gone.provider in providers and _is_sound(gone)
    )


def unlisted_by_quorum(config: Config, unlisted: Mapping[str, Unlisted]) -> Unlisted | None:
    """Return what the files of a quorum of the nodes list no more; None if there is nothing that so many agree on."""
    counted = Counter(
        (one.zone, one.provider, address)
        for node, one in unlisted.items()
        if node in config.nodes
        for address in one.addresses
    )
    places: dict[tuple[str, str], set[str]] = {}
    for (zone, provider, address), count in counted.items():
        if count >= quorum(len(config.nodes)):
            places.setdefault((zone, provider), set()).add(address)
    if not places:
        return None
    # Two quorums share a node, and each node names one place: more than one cannot be.
    (zone, provider), addresses = next(iter(places.items()))
    return Unlisted(zone, provider, frozenset(addresses))


def changed_services(raw: Mapping[str, object], changes: Changes) -> list[object]:
    """Return the raw services of a file with these changes; what did not change keeps its form and its comments."""
    given = raw.get("services")
    listed = given if isinstance(given, list) else []
    found = []
    endpoints = changes.by_service()
    placed = {fqdn: change.config for fqdn, change in changes.services.items() if isinstance(change, Placed)}
    for service in listed:
        fqdn = _name_of(service)
        if isinstance(changes.services.get(fqdn), Removed):
            continue
        found.append(_changed_endpoints(placed.pop(fqdn, service), endpoints.get(fqdn, {})))
    found += [_changed_endpoints(config, endpoints.get(fqdn, {})) for fqdn, config in sorted(placed.items())]
    return found


def _raw(loaded: Loaded, changes: Changes, nodes: Sequence[str] | None) -> dict[str, Any]:
    raw = effective_raw(loaded.raw, loaded.around)
    if not changes.leaves_the_file:
        raw = without_comments({**raw, "services": changed_services(raw, changes)})
    return raw if nodes is None else {**raw, "nodes": list(nodes)}


def _changed_endpoints(service: object, changes: Mapping[str, Change]) -> object:
    addresses = service.get("ipaddrs") if isinstance(service, Mapping) else None
    if not changes or not isinstance(service, Mapping) or not isinstance(addresses, list):
        return service
    kept = []
    placed = {a: dict(change.config) for a, change in changes.items() if isinstance(change, Placed)}
    for endpoint in addresses:
        address = _address_of(endpoint)
        if not isinstance(changes.get(address), Removed):
            kept.append(placed.pop(address, endpoint))
    return {**service, "ipaddrs": kept + [placed[address] for address in sorted(placed)]}


def _name_of(service: object) -> str:
    fqdn = service.get("fqdn") if isinstance(service, Mapping) else None
    try:
        return domain_name(fqdn) if isinstance(fqdn, str) else ""
    except ValueError:
        return ""


def _address_of(endpoint: object) -> str:
    address = endpoint.get("address") if isinstance(endpoint, Mapping) else endpoint
    try:
        return endpoint_address(address) if isinstance(address, str) else ""
    except ValueError:
        return ""


def _checked(
    loaded: Loaded, changes: Changes, nodes: Sequence[str] | None, about: str = ""
) -> tuple[Config | None, list[tuple[str, Problem]]]:
    """Check the result; each problem comes with the name of the service it lies in, "" if in none."""
    raw = _raw(loaded, changes, nodes)
    config, problems = validate(raw, loaded.around)
    names = dict(enumerate(map(_name_of, raw.get("services", ()))))
    problems += _references(raw, changes, names)
    return config, [_named(problem, names, changes, about) for problem in ordered(problems, raw)]


def _references(raw: Mapping[str, Any], changes: Changes, names: Mapping[int, str]) -> Iterator[Problem]:
    """Refuse to read secrets or to run programs of this machine for a service that came over the network."""
    for index, fqdn in names.items():
        if not fqdn or not isinstance(changes.services.get(fqdn), Placed):
            continue
        service, at = raw["services"][index], ("services", index)
        for key in _MAY_REFER:
            yield from _referring(service.get(key), (*at, key))
        if str(service.get("healthcheck")).lower().startswith("script:"):
            sentence = (
                "a script that every node shall run is configured in the file of each, never over the network"
            )
            yield Problem((*at, "healthcheck"), sentence)


def _referring(value: object, at: Loc) -> Iterator[Problem]:
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        source = value.partition(":")[0]
        yield Problem(at, f'"{source}:" is for the file, give the value itself')
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _referring(item, (*at, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _referring(item, (*at, index))


def _named(problem: Problem, names: Mapping[int, str], changes: Changes, about: str) -> tuple[str, Problem]:
    """Point at a changed service by its name instead of its place in a list that exists nowhere."""
    match problem.loc:
        case ("services", int(index), *rest) if names.get(index):
            fqdn = names[index]
            if fqdn == about:
                return fqdn, problem._replace(loc=("config", *rest))
            if fqdn in changes.services or changes.endpoints_of(fqdn):
                return fqdn, problem._replace(loc=("services", fqdn, *rest))
            return fqdn, problem
        case _:
            return "", problem


def _without(changes: Changes, fqdns: set[str]) -> Changes:
    return Changes(
        {fqdn: change for fqdn, change in changes.services.items() if fqdn not in fqdns},
        {key: change for key, change in changes.endpoints.items() if key.service not in fqdns},
        changes.unlisted,
    )


def _is_sound(gone: Withdrawal) -> bool:
    """Tell if the names are such as a file could hold: they came over the network."""
    try:
        names = (domain_name(gone.fqdn), domain_name(gone.zone))
        addresses = {endpoint_address(address) for address in gone.addresses}
    except ValueError:
        return False
    return names == (gone.fqdn, gone.zone) and addresses == gone.addresses and is_within(*names)
