"""What a configuration file lists, and what is to become of the records that a later one lists no more."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self

from rrdnsd.config.schema import Config, ServiceConfig
from rrdnsd.core.orders import Changes, Removed, Setting, Unlisted, unlist
from rrdnsd.core.quorum import quorum


class Listed(NamedTuple):
    """A service as a file lists it; `on_remove` is its own, "" if it follows the top level."""

    zone: str
    provider: str
    addresses: frozenset[str]
    on_remove: str

    @classmethod
    def of(cls, service: ServiceConfig) -> Self:
        """Return what is to be remembered of a service."""
        addresses = frozenset(endpoint.address for endpoint in service.ipaddrs)
        return cls(service.zone, service.provider, addresses, service.on_remove or "")


Listing = Mapping[str, Listed]
"""All services of a file, by name."""


def listing(config: Config) -> dict[str, Listed]:
    """Return what is to be remembered of a file, to know what a later one lists no more."""
    return {service.fqdn: Listed.of(service) for service in config.services}


def unlisting(before: Listing, now: Config, changes: Changes, node: str) -> list[Setting]:
    """Return what this node is to say of what its file has listed before, or said so already, and lists no more.

    What the file lists again is taken back. A removed endpoint goes as its service says now; a removed service as it
    said itself in the file before, else as the top level says now. A service that moved to another zone or provider
    leaves its old records: that is no removal.
    """
    return [
        unlist(fqdn, node, unlisted)
        for fqdn, unlisted in _unlisted(before, now, changes, node)
        if unlisted != changes.unlisted.get(fqdn, {}).get(node, Unlisted("", "", frozenset()))
    ]


def waiting(config: Config, changes: Changes) -> list[str]:
    """Say which records stay for now: some nodes' files list them no more, but not those of a quorum."""
    needed, found = quorum(len(config.nodes)), []
    for fqdn, by_node in sorted(changes.unlisted.items()):
        if isinstance(changes.services.get(fqdn), Removed):
            continue
        ordered = changes.endpoints_of(fqdn)
        who: dict[str, list[str]] = {}
        for node in sorted(by_node.keys() & set(config.nodes)):
            for address in by_node[node].addresses:
                who.setdefault(address, []).append(node)
        groups: dict[tuple[str, ...], list[str]] = {}
        for address, nodes in sorted(who.items()):
            if len(nodes) < needed and not isinstance(ordered.get(address), Removed):
                groups.setdefault(tuple(nodes), []).append(address)
        found += [
            f"{fqdn}: the records {', '.join(addresses)} stay until the files of {needed} of {len(config.nodes)} nodes"
            f" list them no more; so far: {', '.join(nodes)}"
            for nodes, addresses in groups.items()
        ]
    return found


def _unlisted(before: Listing, now: Config, changes: Changes, node: str) -> Iterator[tuple[str, Unlisted]]:
    here = listing(now)
    said = {fqdn: by_node[node] for fqdn, by_node in changes.unlisted.items() if node in by_node}
    for fqdn in sorted({*before, *said}):
        old, new, standing = before.get(fqdn), here.get(fqdn), said.get(fqdn)
        place = new or old or standing
        if place is None:
            continue
        addresses: frozenset[str] = frozenset()
        if standing and (standing.zone, standing.provider) == (place.zone, place.provider):
            addresses |= standing.addresses
        if old and (old.zone, old.provider) == (place.zone, place.provider):
            wish = new.on_remove if new else old.on_remove
            addresses |= old.addresses if (wish or now.on_remove) == "withdraw" else frozenset()
        addresses -= new.addresses if new else frozenset()
        yield (
            fqdn,
            Unlisted(place.zone, place.provider, addresses) if addresses else Unlisted("", "", addresses),
        )
