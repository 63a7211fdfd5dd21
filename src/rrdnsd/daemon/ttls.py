"""TTLs that a server does not take: one that comes back after it was repaired is left as it is."""

from collections.abc import Collection, Iterable, Mapping

from rrdnsd.core.model import Plan, RRset, RRsetKey
from rrdnsd.core.publish import Publication


class TtlRepairs:
    """Remembers which wrong TTLs were repaired on one server: to repair the same one again would never end."""

    def __init__(self) -> None:
        self._repaired: dict[RRsetKey, int] = {}

    def note(self, proposed: Plan) -> None:
        """Take in the TTLs that a plan repairs."""
        for change in proposed.changes:
            for rrset in change.rrsets:
                if rrset.before and rrset.after and rrset.before.ttl != rrset.after.ttl:
                    self._repaired[rrset.key] = rrset.before.ttl

    def forget(self, keys: Iterable[RRsetKey]) -> None:
        """Repair these again."""
        for key in keys:
            self._repaired.pop(key, None)

    def tolerated(
        self, publications: Collection[Publication], served: Mapping[RRsetKey, RRset]
    ) -> dict[RRsetKey, int]:
        """Return the TTLs that are served again although they were repaired."""
        found = {}
        for publication in publications:
            for key in publication.keys:
                rrset = served.get(key)
                if rrset and rrset.ttl == self._repaired.get(key) != publication.ttl:
                    found[key] = rrset.ttl
        return found
