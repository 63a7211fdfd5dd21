"""The contract of a provider: one file, one `build` function, one line under `rrdnsd.providers`.

A provider is one place where a zone's records are read and written: one authoritative server, or one
vendor's account. An update method with several `update_resolvers` builds one provider for each, because
each is brought to the desired state on its own.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rrdnsd.core.model import Applied, Plan, RRsetKey, ZoneView


@dataclass(frozen=True, slots=True)
class Resolver:
    """Where a DNS server listens."""

    host: str
    port: int = 53

    def __str__(self) -> str:
        """Read as operators write it: 192.0.2.1:53, [2001:db8::1]:53."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """One named provider of the configuration, secrets already read. `timeout` is in seconds per exchange.

    `credentials` is never shown: repr leaves it out. `options` holds what only this method understands.
    `zones` are the zones it will be asked for, `names` the names of the services it publishes in them;
    `state_dir` is where it may keep files, if anywhere.
    """

    name: str
    method: str
    resolvers: tuple[Resolver, ...] = ()
    credentials: str = field(default="", repr=False)
    timeout: float = 5.0
    zones: tuple[str, ...] = ()
    state_dir: str | None = None
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    names: tuple[str, ...] = ()


class Provider(Protocol):
    """One place where DNS is read and written. Every method ends within a bounded time."""

    label: str
    """Short, unique, for logs and the API: "default 192.0.2.1:53"."""

    async def start(self) -> None:
        """Open what must be open before the first fetch.

        Raises:
            ProviderError: it cannot work at all (a port is taken, a tool is missing).

        """

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
        """Read what the server serves now for exactly these RRsets, from the server, never from a cache.

        Raises:
            ProviderError: the server cannot be reached or refuses.

        """

    async def apply(self, plan: Plan) -> Applied:
        """Write the plan: each name atomically, each only if what was read is still true.

        A name whose prerequisite fails is reported as stale, one that the server will not let us change as
        refused; the others are still written.

        Raises:
            ProviderError: the server cannot be reached or refuses everything. Some names may have been written: the
                caller reads again before it decides anything.

        """

    async def close(self) -> None:
        """Release sockets and files; never raises."""


def is_of_this_node(provider: Provider) -> bool:
    """Tell whether no other node writes the same server, so that this one need not wait for its turn.

    A provider says so by an attribute `of_this_node` that is true: what it writes is on this machine.
    """
    return bool(getattr(provider, "of_this_node", False))


Build = Callable[[ProviderSpec], tuple[Provider, ...]]
"""What an entry point of `rrdnsd.providers` names. Raises ConfigError for bad credentials or options, each sentence beginning
with its key (``options.url: ...``). Opens nothing: `rrdnsd check` calls it, too.
"""
