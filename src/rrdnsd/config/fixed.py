"""What a running daemon cannot change: the settings for which another configuration needs a restart."""

from collections.abc import Iterator

from rrdnsd.config.effective import BUILTIN
from rrdnsd.config.schema import Config

_FIXED = (
    "local_node",
    "nodes_protocol",
    "cluster_secret",
    "tls",
    "heartbeat_ms",
    "vote_ttl_ms",
    "state_dir",
    "statsd",
    "metrics",
    "sandbox",
)
"""What sockets, peers, files and counters were begun with."""


def needs_restart(running: Config, wanted: Config) -> list[str]:
    """Return the settings by which a daemon that was started with `running` cannot come to run with `wanted`."""
    found = [key for key in _FIXED if getattr(running, key) != getattr(wanted, key)]
    found += [
        f"api.{key}" for key in ("enabled", "socket") if getattr(running.api, key) != getattr(wanted.api, key)
    ]
    methods = _methods(running)
    if BUILTIN in methods.values() and running.builtin_settings != wanted.builtin_settings:
        found.append("builtin")
    found += _from_or_to_builtin(methods, _methods(wanted))
    if not _is_reachable(running):
        found += [] if len(wanted.nodes) == 1 else ["nodes"]
        found += (
            ["services"] if not running.api.enabled and _takes_calls(wanted) > _takes_calls(running) else []
        )
    return found


def _methods(config: Config) -> dict[str, str]:
    return {provider.name: provider.method for provider in config.effective_providers()}


def _from_or_to_builtin(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    """Find where the built-in server would come or go: it listens, and holds what secondaries have."""
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name] and BUILTIN in (before[name], after[name]):
            yield "update_method" if name == "default" else f"providers.{name}.update_method"


def _is_reachable(config: Config) -> bool:
    """Tell if `local_node` takes in what peers say: a node alone without a secret does not."""
    secret = config.cluster_secret.get_secret_value()
    return len(config.nodes) > 1 or bool(secret) or config.tls is not None


def _takes_calls(config: Config) -> bool:
    return any(service.heartbeat_secret.get_secret_value() for service in config.services)
