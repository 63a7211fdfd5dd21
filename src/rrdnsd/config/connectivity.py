"""The targets of a node's check of its own link: health check URLs whose host is an IP address."""

import re

from rrdnsd.config import healthcheck
from rrdnsd.config.addresses import endpoint_address

_HOST = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://)(?P<host>\[[^]/]*\]|[^:/?#]*)(?P<tail>.*)")
_EXAMPLE = '"tcp://192.0.2.1:53"'


def canonical(text: str) -> str:
    """Return the target with its address in canonical form.

    Raises:
        ValueError: it is not a usable target; the sentence says why and what would be right.

    """
    template, address = split(text)
    return template.replace("{}", f"[{address}]" if ":" in address else address, 1)


def split(target: str) -> tuple[str, str]:
    """Return the health check template and the address that a target is made of.

    Raises:
        ValueError: it is not a usable target.

    """
    match = _HOST.fullmatch(target)
    if not match:
        raise ValueError(f"has no scheme, e.g. {_EXAMPLE}")
    try:
        address = endpoint_address(match["host"].strip("[]"))
    except ValueError:
        raise ValueError(f"must have an IP address as its host, e.g. {_EXAMPLE}") from None
    if match["head"].lower() in {"heartbeat://", "script://"}:
        raise ValueError(f"must be something that this node can reach over the network, e.g. {_EXAMPLE}")
    return healthcheck.canonical(match["head"] + "{}" + match["tail"]), address
