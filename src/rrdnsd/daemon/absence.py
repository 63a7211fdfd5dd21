"""When an address was last to be had from a server: what a drain must know to say when it is safe to stop."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from rrdnsd.core.model import RRset


class Gone(NamedTuple):
    """An address is served no more: first seen so at `since`; caches may hold it for `ttl` seconds after that."""

    since: float
    ttl: int


class Absences:
    """Follows the addresses of names on one server, look by look."""

    def __init__(self) -> None:
        self._served: dict[tuple[str, str], tuple[int, float]] = {}
        self._gone: dict[tuple[str, str], float] = {}

    def see(self, name: str, addresses: Collection[str], rrsets: Iterable[RRset | None], now: float) -> None:
        """Take in a look at a name: which of these addresses its RRsets hold."""
        ttls = {address: rrset.ttl for rrset in rrsets if rrset for address in rrset.addresses}
        for address in addresses:
            item = (name, address)
            if address in ttls:
                self._gone.pop(item, None)
                self._served[item] = self._longest(item, ttls[address], now)
            else:
                self._gone.setdefault(item, now)

    def write(self, name: str, addresses: Iterable[str]) -> None:
        """Take in that these addresses are being added: whether they are served is open until the next look."""
        for address in addresses:
            self._gone.pop((name, address), None)

    def gone(self, name: str, address: str, default_ttl: int) -> Gone | None:
        """Tell since when an address is gone; None while it is served or nobody has looked.

        Where it was never seen to be served, before this process began it may have been, with `default_ttl`.
        """
        since = self._gone.get((name, address))
        if since is None:
            return None
        return Gone(since, self._served.get((name, address), (default_ttl, since))[0])

    def keep(self, name: str, addresses: Collection[str]) -> None:
        """Forget the other addresses of a name."""
        for table in (self._served, self._gone):
            for item in [item for item in table if item[0] == name and item[1] not in addresses]:
                del table[item]

    def _longest(self, item: tuple[str, str], ttl: int, now: float) -> tuple[int, float]:
        """Keep a larger TTL of before for as long as a cache may still count by it."""
        before, seen = self._served.get(item, (0, now))
        return (before, seen) if before > ttl and seen + before > now + ttl else (ttl, now)
