"""Who may call what: every route of `local_node` with the right it needs. What is not in the table is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.requests import HTTPConnection

from rrdnsd.config.schema import TokenConfig
from rrdnsd.control.orders import ORDERS
from rrdnsd.peers import wire

Scope = Literal["open", "read", "named", "write", "peer", "endpoint"]
"""`open`: everybody. `read`: everybody, unless `api.anonymous_read` is false. `named`: any token, or the Unix
socket. `write`: a token of scope write as Bearer, or the Unix socket. `peer`: the peers' own authentication. `endpoint`: the
secret of a service."""

API = "/api/v1"
CALLER = "rrdnsd.caller"
"""The key of the `Caller` in the ASGI scope."""

ROUTES: Mapping[tuple[str, str], Scope] = {
    ("GET", "/health"): "open",
    ("GET", "/health/ready"): "open",
    ("GET", f"{API}/openapi.json"): "open",
    ("GET", f"{API}/docs"): "open",
    ("GET", f"{API}/status"): "read",
    ("GET", f"{API}/status/stream"): "read",
    ("GET", f"{API}/explain"): "read",
    ("GET", f"{API}/events"): "read",
    ("GET", f"{API}/events/stream"): "read",
    ("GET", f"{API}/history"): "read",
    ("GET", f"{API}/runs"): "read",
    # These two repeat what was configured, the headers and the paths of probes included.
    ("GET", f"{API}/audit"): "named",
    ("GET", f"{API}/export"): "named",
    ("GET", "/metrics"): "read",
    ("GET", "/dash"): "read",
    ("GET", "/dash/events"): "read",
    ("GET", "/dash/service/{fqdn}"): "read",
    ("GET", "/dash/versions"): "read",
    ("GET", "/dash/stream"): "read",
    ("GET", "/dash/parts"): "read",
    ("GET", "/dash/static/{name}"): "open",
    ("GET", "/public/static/{name}"): "open",
    ("GET", "/public/{fqdn}"): "open",
    ("GET", "/public/{fqdn}/badge.svg"): "open",
    ("POST", wire.PATH): "peer",
    ("POST", "/heartbeat/{service}/{address}"): "endpoint",
    **{("POST", f"{API}/{order.path}"): "write" for order in ORDERS},
}
"""The right that each method and path needs."""


@dataclass(slots=True)
class Access:
    """How callers show who they are. `hosts` are names by which browsers may reach this node without a token.

    A reload of the configuration changes it in place: every request is judged by what it says then.
    """

    tokens: tuple[TokenConfig, ...] = ()
    anonymous_read: bool = True
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `who` is the name of a token or of a local user, "" for anybody; `over` is tcp or socket."""

    who: str = ""
    scope: Literal["none", "read", "write"] = "none"
    over: Literal["tcp", "socket"] = "tcp"


def caller(request: HTTPConnection) -> Caller:
    """Return who calls, as the guard has found."""
    found = request.scope.get(CALLER)
    return found if isinstance(found, Caller) else Caller()
