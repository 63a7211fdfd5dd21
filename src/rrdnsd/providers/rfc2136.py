"""`rfc2136`: DNS UPDATE (RFC 2136) spoken natively over TCP, signed with TSIG. Starts no process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rrdnsd.core.model import NameChange
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.message import render_update
from rrdnsd.providers.outcome import Outcome, TooBig, judge
from rrdnsd.providers.server import Server, first_ident
from rrdnsd.providers.updater import build_updaters

MANY = 256
"""Changes that take about a millisecond to put together; before more of them, everybody else has a turn."""


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make one provider for each of the `update_resolvers`.

    Raises:
        ConfigError: bad credentials, no resolver, or an option.

    """
    return build_updaters(spec, NativeSender)


@dataclass(frozen=True, slots=True)
class NativeSender:
    """Sends UPDATE messages over the server's kept connection."""

    server: Server

    async def check(self) -> None:
        """Nothing can be missing."""

    async def send(self, zone: str, changes: Sequence[NameChange]) -> Outcome:
        """Send one UPDATE with all these changes and read what became of it.

        Raises:
            ProviderError: no answer, or one that no split of the message can mend.

        """
        if len(changes) > MANY:
            await asyncio.sleep(0)
        message = render_update(first_ident(1), zone, changes)
        if message is None:
            return TooBig()
        (reply,) = await self.server.ask([message])
        return judge(self.server.asked("update", zone), reply)
