"""The contract of a notifier: one file, one `build` function, one line under `rrdnsd.notifiers`.

A notifier delivers one message and says what became of it. What is told, when, by which node, and what is tried
again is decided elsewhere (`daemon/announcing`), so a notifier never queues, retries or filters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rrdnsd.notifiers.message import Message


@dataclass(frozen=True, slots=True)
class NotifierSpec:
    """One entry of `notifiers`, secrets already read. `timeout` is in seconds for one delivery.

    `url`, `secret`, `headers` and `options` may hold secrets: repr leaves them out, and so must every message.
    `options` holds what only this type understands.
    """

    name: str
    type: str
    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    command: tuple[str, ...] = ()
    timeout: float = 10.0
    options: Mapping[str, object] = field(default_factory=dict, repr=False)


class Notifier(Protocol):
    """One way to tell people."""

    async def send(self, message: Message) -> str:
        """Deliver a message and return in a few words what the receiver answered.

        It is cancelled a second after `timeout`; one call at a time. The same message may come again after a
        failure, or from another node: its `id` tells.

        Raises:
            NotifierError: it was not delivered, or nobody knows.

        """


Build = Callable[[NotifierSpec], Notifier]
"""What an entry point of `rrdnsd.notifiers` names. Raises ConfigError for settings that cannot be used."""
