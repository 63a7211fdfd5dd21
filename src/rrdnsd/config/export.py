"""The configuration file that would lead to what is watched now, without a secret in it."""

import re
from collections.abc import Mapping, Sequence

from rrdnsd.config.overlay import changed_services
from rrdnsd.config.schema import SECRET_KEYS
from rrdnsd.core.orders import Changes

_REFERENCES = ("env:", "file:")
_SECRET_HEADER = re.compile(r"auth|cookie|token|secret|key|password|signature", re.IGNORECASE)
_NAMED_BY_OTHERS = frozenset(
    {"headers", "options", "update_options", "probe_options"}
)  # whose keys are not ours
_Place = tuple[str, ...]


def export(
    raw: Mapping[str, object], changes: Changes, nodes: Sequence[str] | None = None
) -> tuple[dict[str, object], list[str]]:
    """Return the resulting configuration, comments kept, and the variables that must hold its secrets.

    `raw` is the file as it is. A secret that stands in it is replaced by `env:RRDNSD_...`, named after its
    place; references to variables and files stay. Values of headers and options whose names sound like a
    secret are treated as one.
    """
    whole = dict(raw)
    if changes != Changes():
        whole["services"] = changed_services(raw, changes)
    if nodes is not None:
        whole["nodes"] = list(nodes)
    names: list[str] = []
    clean = _hide(whole, (), names)
    return (clean if isinstance(clean, dict) else {}), names


def _hide(value: object, place: _Place, names: list[str]) -> object:
    if isinstance(value, Mapping):
        return {key: _hide_at(key, item, place, names) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(item, (*place, _label(item, index)), names) for index, item in enumerate(value)]
    return value


def _hide_at(key: str, value: object, place: _Place, names: list[str]) -> object:
    if key.startswith("_"):
        return value
    here = (*place, key)
    if isinstance(value, str) and value and _is_secret(here) and not value.startswith(_REFERENCES):
        return f"env:{_variable(here, names)}"
    return _hide(value, here, names)


def _is_secret(place: _Place) -> bool:
    if not _NAMED_BY_OTHERS.isdisjoint(place[:-1]):
        return bool(_SECRET_HEADER.search(place[-1]))
    return place[-1] in SECRET_KEYS


def _label(item: object, index: int) -> str:
    """Name an item of a list as its owner does, so that the variable's name says whose secret it is."""
    named = (item.get("fqdn") or item.get("name")) if isinstance(item, Mapping) else None
    return named if isinstance(named, str) else str(index)


def _variable(place: _Place, names: list[str]) -> str:
    base = "RRDNSD_" + re.sub(r"[^A-Z0-9]+", "_", "_".join(place).upper())
    name, number = base, 2
    while name in names:
        name, number = f"{base}_{number}", number + 1
    names.append(name)
    return name
