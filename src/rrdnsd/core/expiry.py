"""When to warn that a certificate is about to expire: at each of a few milestones, and every day of the last week."""

from dataclasses import dataclass, field

from rrdnsd.core.model import EndpointKey

MILESTONES = (30, 14, 7, 3, 1)
"""Days left at which a warning is due."""

_DAILY = 7


@dataclass(slots=True)
class Expiries:
    """What was said last of each endpoint's certificate, in days left; so there is one warning a day at most."""

    _said: dict[EndpointKey, int] = field(default_factory=dict)

    def is_due(self, key: EndpointKey, days: int) -> bool:
        """Tell if a warning is due now that so many days are left, and take it as given."""
        if days > MILESTONES[0]:
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
    return days < _DAILY or any(days <= milestone < said for milestone in MILESTONES)
