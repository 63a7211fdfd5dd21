"""What the entries of the ledger mean: keys and values of orders, and what they ask of decisions and configuration.

The value of an entry is canonical JSON. A value that cannot be understood (a damaged one, or one of a newer
version) is left out and told of by `faults`; it never keeps the others from being carried out.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from rrdnsd.core.ledger import Entry, Ledger, Stamp, value_text
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.override import Kind, Override

_FORCED = {"up": Kind.FORCED_UP, "down": Kind.FORCED_DOWN}
_NEVER = Stamp(0, 0, "")


class Setting(NamedTuple):
    """What an order puts into the ledger. The value None lifts it."""

    key: str
    value: str | None

    def lifted(self) -> "Setting":
        """Return what ends this order."""
        return Setting(self.key, None)


@dataclass(frozen=True, slots=True)
class Placed:
    """A service or an endpoint that is to be watched; `config` is what would stand in the file."""

    config: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Removed:
    """A service or an endpoint that is watched no more, whatever the file says.

    With `withdraw` its records are to be deleted. For a service `addresses` names them, and `zone` and
    `provider` say where they are: nothing else may know any more.
    """

    withdraw: bool
    addresses: frozenset[str] = frozenset()
    zone: str = ""
    provider: str = ""


Change = Placed | Removed


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Addresses of a service that one node's file lists no more, and whose records that file wants gone."""

    zone: str
    provider: str
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Changes:
    """How the services differ from the file. An endpoint's change is void if its service was changed after it.

    `unlisted` says, by service and node, what the nodes' files list no more; a quorum of them must agree.
    """

    services: Mapping[str, Change] = field(default_factory=dict)
    endpoints: Mapping[EndpointKey, Change] = field(default_factory=dict)
    unlisted: Mapping[str, Mapping[str, Unlisted]] = field(default_factory=dict)

    @property
    def leaves_the_file(self) -> bool:
        """Tell if what is watched is what the file says."""
        return not self.services and not self.endpoints

    def by_service(self) -> dict[str, dict[str, Change]]:
        """Return the changes of endpoints by service and address."""
        found: dict[str, dict[str, Change]] = {}
        for key, change in self.endpoints.items():
            found.setdefault(key.service, {})[key.address] = change
        return found

    def endpoints_of(self, fqdn: str) -> dict[str, Change]:
        """Return the changes of one service's endpoints, by address."""
        return {key.address: change for key, change in self.endpoints.items() if key.service == fqdn}


def key(kind: str, *parts: str) -> str:
    """Return the key of an order: `drain|SERVICE|ADDRESS`, `maintenance|SERVICE`, `pause`."""
    return "|".join((kind, *parts))


def drain(service: str, address: str) -> Setting:
    """Take an address out of the DNS of a service; of "" for all services."""
    return _setting({}, "drain", service, address)


def force(service: str, address: str, state: Literal["up", "down"]) -> Setting:
    """Take an endpoint for up or down, whatever the probes say."""
    return _setting({"state": state}, "force", service, address)


def maintenance(service: str, until: float | None) -> Setting:
    """Freeze a service, or all of them (""), until a moment in epoch seconds or until it is lifted (None)."""
    return _setting({"until": until}, "maintenance", service)


def pause() -> Setting:
    """Let nobody write anything."""
    return _setting({}, "pause")


def failover(service: str, to: Iterable[str]) -> Setting:
    """Prefer these addresses of a service."""
    return _setting({"to": sorted(set(to))}, "failover", service)


def place_service(fqdn: str, config: Mapping[str, object]) -> Setting:
    """Watch a service, or watch it in another way than the file says."""
    return _setting({"config": dict(config)}, "service", fqdn)


def remove_service(
    fqdn: str, *, withdraw: bool, zone: str = "", provider: str = "", addresses: Iterable[str] = ()
) -> Setting:
    """Watch a service no more. To withdraw it, its zone, its provider and the addresses must be given."""
    value: dict[str, object] = {"removed": True, "withdraw": withdraw}
    if withdraw:
        value |= {"zone": zone, "provider": provider, "addresses": sorted(set(addresses))}
    return _setting(value, "service", fqdn)


def place_endpoint(fqdn: str, address: str, priority: int = 0, label: str = "") -> Setting:
    """Add an endpoint to a service, or give it another priority or label than the file does."""
    config = {"address": address, "priority": priority, "label": label}
    return _setting({"config": config}, "endpoint", fqdn, address)


def remove_endpoint(fqdn: str, address: str, *, withdraw: bool) -> Setting:
    """Remove an endpoint from a service, and with `withdraw` its record from DNS."""
    return _setting({"removed": True, "withdraw": withdraw}, "endpoint", fqdn, address)


def unlist(fqdn: str, node: str, unlisted: Unlisted) -> Setting:
    """Say what the file of a node lists no more; without an address, that there is nothing."""
    if not unlisted.addresses:
        return Setting(key("unlisted", fqdn, node), None)
    value = {
        "zone": unlisted.zone,
        "provider": unlisted.provider,
        "addresses": sorted(unlisted.addresses),
    }
    return _setting(value, "unlisted", fqdn, node)


def overrides(entries: Iterable[Entry], wall: float, now: float) -> tuple[Override, ...]:
    """Return the orders that stand, for the engine.

    `wall` is the time of day in epoch seconds and `now` the same moment on the engine's clock. What has
    ended by then is left out.
    """
    found = []
    for order in entries.read(_ordered) if isinstance(entries, Ledger) else _ordered(entries):
        override = order if order.until is None else replace(order, until=now + order.until - wall)
        found += [override] if override.active(now) else []
    return tuple(found)


def changes(entries: Iterable[Entry]) -> Changes:
    """Return how the services are to differ from the file."""
    return entries.read(_changes) if isinstance(entries, Ledger) else _changes(entries)


def _ordered(entries: Iterable[Entry]) -> tuple[Override, ...]:
    """Return all orders to the engine, those that have ended by themselves included; `until` in epoch seconds."""
    return tuple(
        Override(said.kind, said.service, said.address, said.until, entry.who, entry.why, said.to)
        for entry in entries
        if isinstance(said := _meaning(entry), _Standing)
    )


def _changes(entries: Iterable[Entry]) -> Changes:
    everything = list(entries)
    services: dict[str, Change] = {}
    endpoints: dict[EndpointKey, Change] = {}
    unlisted: dict[str, dict[str, Unlisted]] = {}
    decided = {entry.key: entry.stamp for entry in everything}
    for entry in everything:
        match entry.key.split("|"), _meaning(entry):
            case ["service", fqdn], (Placed() | Removed()) as meaning:
                services[fqdn] = meaning
            case ["endpoint", fqdn, address], (Placed() | Removed()) as meaning:
                if entry.stamp > decided.get(key("service", fqdn), _NEVER):
                    endpoints[EndpointKey(fqdn, address)] = meaning
            case ["unlisted", fqdn, node], Unlisted() as meaning:
                unlisted.setdefault(fqdn, {})[node] = meaning
    return Changes(services, endpoints, unlisted)


def faults(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Say of each entry that is left out what is wrong with it."""
    return tuple(
        f"the order {entry.key!r} of {entry.stamp.node} is left out: {meaning.sentence}"
        for entry in entries
        if isinstance(meaning := _meaning(entry), _Fault)
    )


@dataclass(frozen=True, slots=True)
class _Standing:
    """An order to the engine; `until` in epoch seconds."""

    kind: Kind
    service: str = ""
    address: str = ""
    until: float | None = None
    to: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why an entry cannot be understood."""

    sentence: str


_Meaning = _Standing | Placed | Removed | Unlisted
_Value = Mapping[str, object]


def _setting(value: Mapping[str, object], *parts: str) -> Setting:
    return Setting(key(*parts), value_text(value))


def _meaning(entry: Entry) -> _Meaning | _Fault | None:
    """Return what an entry says, why it says nothing, or None if it is lifted."""
    if entry.value is None:
        return None
    kind, *names = entry.key.split("|")
    found = _READERS.get(kind)
    if found is None:
        return _Fault("this version does not know such orders")
    parts, read = found
    if len(names) != parts or (parts == len(("service", "address")) and not names[1]):
        return _Fault("its key is malformed")
    try:
        return read(json.loads(entry.value), *names)
    except (ValueError, OverflowError) as error:
        return _Fault(str(error))


def _drain(_: _Value, service: str, address: str) -> _Meaning:
    return _Standing(Kind.DRAIN, service, address)


def _force(value: _Value, service: str, address: str) -> _Meaning:
    kind = _FORCED.get(str(value.get("state")))
    if kind is None:
        raise ValueError('state must be "up" or "down"')
    return _Standing(kind, service, address)


def _maintenance(value: _Value, service: str) -> _Meaning:
    until = value.get("until")
    if until is not None and (isinstance(until, bool) or not isinstance(until, int | float)):
        raise ValueError("until must be a number of seconds or null")
    return _Standing(Kind.MAINTENANCE, service, until=None if until is None else float(until))


def _pause(_: _Value) -> _Meaning:
    return _Standing(Kind.PAUSE)


def _failover(value: _Value, service: str) -> _Meaning:
    to = _addresses(value, "to")
    if not to or not service:
        raise ValueError("a failover names a service and at least one address")
    return _Standing(Kind.FAILOVER, service, to=to)


def _service(value: _Value, fqdn: str) -> _Meaning:
    change = _change(value)
    if isinstance(change, Removed) and change.withdraw and not (change.zone and change.provider):
        raise ValueError("zone and provider are needed to withdraw the records of a service")
    if isinstance(change, Placed) and change.config.get("fqdn") != fqdn:
        raise ValueError("the fqdn of its config is another one")
    return change


def _endpoint(value: _Value, _: str, address: str) -> _Meaning:
    change = _change(value)
    if isinstance(change, Placed) and change.config.get("address") != address:
        raise ValueError("the address of its config is another one")
    return change


def _unlisted(value: _Value, _fqdn: str, _node: str) -> _Meaning:
    found = Unlisted(
        str(value.get("zone", "")), str(value.get("provider", "")), _addresses(value, "addresses")
    )
    if not (found.zone and found.provider and found.addresses):
        raise ValueError("zone, provider and addresses are needed to withdraw what a file lists no more")
    return found


def _change(value: _Value) -> Change:
    if "config" in value:
        return Placed(_mapping(value["config"]))
    if value.get("removed") is not True:
        raise ValueError("config or removed is missing")
    return Removed(
        value.get("withdraw") is True,
        _addresses(value, "addresses"),
        str(value.get("zone", "")),
        str(value.get("provider", "")),
    )


def _mapping(value: object) -> _Value:
    if not isinstance(value, dict):
        raise ValueError("an object is needed")  # noqa: TRY004 - to the caller it is one more wrong value
    return value


def _addresses(value: _Value, name: str) -> frozenset[str]:
    found = value.get(name, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"{name} must be a list of addresses")
    return frozenset(found)


_READERS: Mapping[str, tuple[int, Callable[..., _Meaning]]] = {
    "drain": (2, _drain),
    "force": (2, _force),
    "maintenance": (1, _maintenance),
    "pause": (0, _pause),
    "failover": (1, _failover),
    "service": (1, _service),
    "endpoint": (2, _endpoint),
    "unlisted": (2, _unlisted),
}
