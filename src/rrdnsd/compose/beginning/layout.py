"""What the file will say: the answers of an operator in the order and with the comments of the README's example. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_CREDENTIALS = "The key or token is kept outside of this file: file:PATH or env:NAME."
_SHADOW = "shadow: everything is probed and compared, nothing is written. When `rrdnsd plan` says what you want: active."


@dataclass(frozen=True, slots=True)
class Where:
    """Where records are written. `credentials` is what the file says: `file:PATH`, `env:NAME` or nothing."""

    method: str
    servers: tuple[str, ...] = ()
    credentials: str = ""
    options: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The node that is set up, and its peers. `secret` is what the file says: `file:PATH`, or nothing."""

    local: str
    peers: tuple[str, ...] = ()
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """One service of the file to be; `comment` is for whoever reads it."""

    fqdn: str
    zone: str
    healthcheck: str
    addresses: tuple[str, ...]
    ttl: int
    comment: str = ""


def configuration(
    where: Where, nodes: Nodes, services: Sequence[Watched], *, made_by: str, shadow: bool
) -> dict[str, object]:
    """Lay the configuration out; the TTL that most services have stands once, at the top."""
    ttl = Counter(service.ttl for service in services).most_common(1)[0][0]
    made: dict[str, object] = {
        "_comment": f"Made by {made_by}. Keys that start with an underscore are comments.",
        "conf_version": 1,
        "_local_node": "IP address and port of this node; it serves the dashboard, the API and /metrics.",
        "local_node": nodes.local,
        "nodes": [nodes.local, *nodes.peers],
    }
    if nodes.secret:
        made |= {"_cluster": "The secret is the same on every node.", "cluster_secret": nodes.secret}
    if shadow:
        made |= {"_mode": _SHADOW, "mode": "shadow"}
    made |= _update_keys(where)
    made |= {
        "_ttl": "Seconds; of every service that has none of its own.",
        "ttl": ttl,
        "_healthcheck": "What is probed: {} stands for the address of the endpoint.",
        "services": [_service(service, ttl) for service in services],
    }
    return made


def _update_keys(where: Where) -> dict[str, object]:
    made: dict[str, object] = {"update_method": where.method}
    if where.servers:
        made |= {
            "_update_resolvers": "The primaries of the zone, each on its own; not secondaries, not caches.",
            "update_resolvers": list(where.servers),
        }
    if where.credentials:
        made |= {"_key": _CREDENTIALS, "update_credentials": where.credentials}
    if where.options:
        made["update_options"] = where.options
    return made


def _service(service: Watched, ttl: int) -> dict[str, object]:
    made: dict[str, object] = {"_comment": service.comment} if service.comment else {}
    made |= {
        "fqdn": service.fqdn,
        "zone": service.zone,
        "healthcheck": service.healthcheck,
        "ipaddrs": list(service.addresses),
    }
    return made if service.ttl == ttl else made | {"ttl": service.ttl}
