"""When to warn that a certificate is about to expire: at each of a few milestones, and every day of the last week."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rrdnsd.core.model import EndpointKey
from rrdnsd.core.telling import Severity

MILESTONES: Mapping[int, Severity] = MappingProxyType(
    {
        # For the log alone: many certificates are renewed about then, and nobody wants to hear of each.
        30: Severity.INFO,
        14: Severity.WARNING,
        7: Severity.WARNING,
        3: Severity.CRITICAL,
        1: Severity.CRITICAL,
    }
)
"""Days left at which a warning is due, the last of them last, and how much it matters."""

_FIRST = max(MILESTONES)
_DAILY = 7


def milestone(days: int) -> int | None:
    """Return the last milestone that is reached when so many days are left; None before the first."""
    return min((left for left in MILESTONES if days <= left), default=None)


def words(days: int) -> str:
    """Say when a certificate expires that is valid for so many whole days; negative if it has expired."""
    if days < 0:
        return "has expired"
    if days == 0:
        return "expires within a day"
    return f"expires in {days} {'day' if days == 1 else 'days'}"


@dataclass(slots=True)
class Expiries:
    """What was said last of each endpoint's certificate, in days left; so there is one warning a day at most."""

    _said: dict[EndpointKey, int] = field(default_factory=dict)

    def is_due(self, key: EndpointKey, days: int) -> bool:
        """Tell if a warning is due now that so many days are left, and take it as given."""
        if days > _FIRST:
            self._said.pop(key, None)  # renewed
            return False
        said = self._said.get(key)
        if said is None or (days < said and _news(said, days)):
            self._said[key] = days
            return True
        if days > said:
            self._said[key] = days  # renewed, but for a short time only: it begins anew
        return False

    def keep_only(self, keys: frozenset[EndpointKey]) -> None:
        """Forget the endpoints that are no longer watched."""
        for key in self._said.keys() - keys:
            del self._said[key]


def _news(said: int, days: int) -> bool:
    return days < _DAILY or milestone(days) != milestone(said)
