"""The keys of a service that only some probe types understand: which those are, and what becomes of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rrdnsd.config import healthcheck

if TYPE_CHECKING:
    from rrdnsd.config.schema import ServiceConfig

TLS = frozenset({"https", "tcp", "tls"})
"""The schemes that may see a certificate."""

ONLY_FOR = {
    "query_response": "tcp",
    "script_args": "script",
    "heartbeat_secret": "heartbeat",
    "heartbeat_within_ms": "heartbeat",
}
"""The keys that have a meaning for one scheme only."""

BUILT_IN = frozenset({"dns", "grpc", "grpcs", "heartbeat", "http", "https", "icmp", "script", "tcp", "tls"})
"""The schemes that have no use for `probe_options`."""


def probe_options(service: "ServiceConfig", min_cert_days: int) -> Mapping[str, object]:
    """Return what `CheckSpec.options` holds: nothing that the service's scheme has no use for. Times in seconds."""
    scheme = healthcheck.scheme_of(service.healthcheck)
    options: dict[str, object] = {}
    if min_cert_days and scheme in TLS:
        options["min_cert_days"] = min_cert_days
    if scheme == "tcp" and service.query_response:
        steps = tuple((step.expect, step.send, step.starttls) for step in service.query_response)
        options["query_response"] = steps
    if scheme == "script":
        options["args"] = service.script_args
    if scheme == "heartbeat":
        options["within"] = service.heartbeat_within_ms / 1000
    return options | dict(service.probe_options)
