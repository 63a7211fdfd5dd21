"""The provider that rfc2136, nsupdate and knsupdate share: they differ only in who sends an UPDATE."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol

from rrdnsd.core.model import Applied, NameChange, Plan, RRsetKey, ZoneView
from rrdnsd.errors import ConfigError
from rrdnsd.providers import batches, query
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.keys import parse_credentials
from rrdnsd.providers.outcome import Outcome
from rrdnsd.providers.server import Server, connect


class Sender(Protocol):
    """Sends UPDATE messages to one server."""

    async def check(self) -> None:
        """Raise ProviderError if it can never work: a tool is missing."""

    async def send(self, zone: str, changes: Sequence[NameChange]) -> Outcome:
        """Send one message with all these changes. Raises ProviderError for what no split can mend."""


class Updater:
    """One DNS server that takes RFC 2136 updates; see `providers.base.Provider` for the contract."""

    def __init__(self, label: str, server: Server, sender: Sender) -> None:
        self.label = label
        self._server = server
        self._sender = sender

    async def start(self) -> None:
        """See that the sender can work; nothing is opened yet.

        Raises:
            ProviderError: a tool is missing.

        """
        await self._sender.check()

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
        """Read these RRsets from the server itself, over TCP, signed where there is a key.

        Raises:
            ProviderError: the server cannot be reached or refuses.

        """
        return await query.fetch(self._server, zone, keys)

    async def apply(self, plan: Plan) -> Applied:
        """Write the plan in one message where it fits, with prerequisites (RFC 2136) for every RRset.

        Raises:
            ProviderError: the server cannot be reached, or refuses so much that it is not about a name.

        """
        return await batches.write(
            plan, partial(self._sender.send, plan.zone), partial(self.fetch, plan.zone)
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._server.exchange.close()


def build_updaters(spec: ProviderSpec, sender: Callable[[Server], Sender]) -> tuple[Provider, ...]:
    """Make one provider for each of the `update_resolvers`.

    Raises:
        ConfigError: bad credentials, no resolver, or an option; none of the three methods has options.

    """
    if not spec.resolvers:
        problem = f'update_resolvers: {spec.method} needs at least one server, such as "192.0.2.1:53"'
        raise ConfigError(spec.name, [problem])
    if spec.options:
        problems = [f"options.{name}: {spec.method} has no options" for name in sorted(spec.options)]
        raise ConfigError(spec.name, problems)
    key = parse_credentials(spec.credentials, "update_credentials")
    servers = [connect(resolver, key, spec.timeout) for resolver in spec.resolvers]
    return tuple(Updater(f"{spec.name} {server.resolver}", server, sender(server)) for server in servers)
