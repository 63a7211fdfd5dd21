"""What was done and what was seen, on the clock of `time.monotonic`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from soak.kinds import Fault


@dataclass(slots=True)
class Stood:
    """A fault that was let loose: it began between `asked` and `began` and ended between `lifted` and `over`."""

    fault: Fault
    asked: float
    began: float = inf
    lifted: float = inf
    over: float = inf

    def may_touch(self, since, until):
        """Tell if it may have stood at any moment between the two."""
        return self.asked <= until and self.over >= since

    def covers(self, since, until):
        """Tell if it surely stood all the time between the two."""
        return self.began <= since and self.lifted >= until


@dataclass(frozen=True, slots=True)
class Look:
    """What named answered, asked at `asked` and known at `at`. `served` holds the addresses of each service.

    None stands for a question that was not answered; `foreign` tells if what nobody may touch was found untouched.
    """

    asked: float
    at: float
    served: Mapping[str, frozenset[str] | None]
    serial: int | None = None
    foreign: bool | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """A node's update that changed the zone, by named's log."""

    at: float
    node: str


@dataclass(slots=True)
class Cycle:
    """A storm and the calm after it. All was right before it began, at `began`.

    From `right` on all was right again (None: never). `deadline` is until when it should have been.
    """

    number: int
    began: float
    faults: list[Stood] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    right: float | None = None
    deadline: float = inf
    still_until: float = 0.0
    mended: float | None = None
    """How many seconds after somebody had changed a record by hand in the calm all was right again."""
    unmended: str = ""
    """What was not, when it should have been."""
    complaints: list[str] = field(default_factory=list)
    """What nodes said of themselves when `deadline` had passed, and what in their logs no fault explains."""

    @property
    def ended(self):
        """When the last fault of the storm itself was lifted."""
        storm = (
            s for s in self.faults if s.fault.kind != "stall" and (self.right is None or s.asked < self.right)
        )
        return max(stood.lifted for stood in storm)
