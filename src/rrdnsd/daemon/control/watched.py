"""What the desk needs of the part that makes configuration changes real; `compose/following.py` is it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from rrdnsd.config import Config
from rrdnsd.control.reports import Exported
from rrdnsd.core.orders import Changes


class Watched(Protocol):
    """The services that are watched, and how that is changed while the daemon runs."""

    @property
    def config(self) -> Config:
        """What holds now: the file with the changes of operators."""

    @property
    def left_out(self) -> Sequence[str]:
        """Why some changes are not in force on this node, a sentence each."""

    @property
    def waiting(self) -> Sequence[str]:
        """Which records stay until more nodes' files list them no more, a sentence each."""

    def trial(self, wanted: Changes, about: str = "") -> Config:
        """Return what would hold with these changes.

        Raises:
            ConfigError: it has mistakes.

        """

    async def check(self, wanted: Changes, nodes: Sequence[str]) -> None:
        """See that this process could follow these changes with these nodes.

        Raises:
            ConfigError: it has mistakes, or needs what the sandbox does not allow.

        """

    def changing(self, wanted: Changes) -> AbstractAsyncContextManager[Callable[[], None]]:
        """Do everything about a change that may fail; what it gives brings the change into force.

        Raises:
            RrdnsdError: it cannot be done; nothing has changed.

        """

    def follow(self) -> None:
        """Bring what the ledger says into force, as soon as that is possible; returns at once."""

    def export(self) -> Exported:
        """Return the file that would lead to what holds now."""
