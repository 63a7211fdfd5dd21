"""A stand-in for a configuration with mistakes: every wrong value is dropped or replaced by a harmless one.

It exists so that the checks across keys can run as well and a file's mistakes come out all at once. Nothing
else ever sees it.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from rrdnsd.config.credentials import Surroundings
from rrdnsd.config.problem import Loc
from rrdnsd.config.schema import Config


def draft(raw: dict[str, Any], wrong: Iterable[Loc], around: Surroundings) -> Config | None:
    """Build the stand-in; None where even that cannot be done."""
    data = deepcopy(raw)
    for loc in sorted(wrong, key=len, reverse=True):  # what lies inside comes before what is replaced whole
        _mend(data, loc)
    try:
        return Config.model_validate(data, context=around)
    except ValidationError:
        return None


def _mend(data: dict[str, Any], loc: Loc) -> None:
    match loc:
        case ("services", int(index)):
            data["services"][index] = _placeholder_service(index)
        case ("services", int(index), "ipaddrs", int(item), *_):
            data["services"][index]["ipaddrs"][item] = f"100::{item:x}"  # the discard prefix, RFC 6666
        case ("services", int(index), str(key), *_):
            _replace(data["services"][index], key, _placeholder_service(index))
        case ("nodes" | "update_resolvers" as key, int(index)):
            data[key][index] = _placeholder_node(index)
        case ("notifiers", int(index), *_):
            data["notifiers"][index] = {"type": "script", "name": f"placeholder-{index}", "command": ["true"]}
        case ("providers", str(name)):
            data["providers"].pop(name, None)
        case ("providers", str(name), str(key), *_):
            _mend_provider(data["providers"][name], key)
        case (str(key), *_):
            node = _placeholder_node(0)
            fresh = {"services": [_placeholder_service(0)], "nodes": [node], "local_node": node}
            _replace(data, key, fresh)


def _replace(keys: dict[str, Any], key: str, fresh: dict[str, Any]) -> None:
    """Put a harmless value where there must be one, else drop the key."""
    keys.pop(key, None)
    if key in fresh:
        keys[key] = fresh[key]


def _mend_provider(provider: dict[str, Any], key: str) -> None:
    provider.pop(key, None)
    provider.setdefault("update_method", "rfc2136")


def _placeholder_service(index: int) -> dict[str, Any]:
    return {
        "fqdn": f"placeholder-{index}.invalid",
        "zone": "invalid",
        "healthcheck": "tcp://{}:1",
        "ipaddrs": ["100::"],
    }


def _placeholder_node(index: int) -> str:
    return f"placeholder-{index}.invalid:1"
