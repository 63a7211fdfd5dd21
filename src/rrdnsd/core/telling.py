"""What people can be told of, and the marks by which nodes let each other know what people were told."""

from enum import IntEnum, StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kinds of trouble there are."""

    ENDPOINT = "endpoint"
    SERVICE = "service"
    FAIL_OPEN = "fail-open"
    DNS = "dns"
    GUARD = "guard"
    QUORUM = "quorum"
    NODE = "node"
    CERTIFICATE = "certificate"


class Severity(IntEnum):
    """How much something matters; they can be compared."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """Its name as configurations and messages have it."""
        return self.name.lower()


class Told(NamedTuple):
    """By this notifier people know this of a subject. Of two marks on one subject the higher `seq` is the newer.

    A mark is made when a message was delivered, not before, so that another node takes over what was not.
    """

    notifier: str
    subject: str
    state: str
    seq: int
