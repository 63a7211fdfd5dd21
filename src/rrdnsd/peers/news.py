"""What each change of this node's votes does to their digest, so that a node can say what it has told so far."""

from collections.abc import Callable

from rrdnsd.core.votes import VoteTable


class News:
    """Follows this node's votes, one service at a time, as their changes are announced."""

    def __init__(self, table: Callable[[], VoteTable]) -> None:
        self._table = table
        self._known = table().copy()
        self._rewrites = table().rewrites

    def of(self, service: str) -> int:
        """Return how much the digest's total has changed by what is new about a service since this was asked last."""
        before, votes = self._known.total, self._table().get(service)
        if votes is None:
            self._known.drop(service)
        else:
            self._known.put(votes)
        return self._known.total - before

    def complete(self) -> bool:
        """Tell if every change of the votes was a cast one that was asked about; if not, begin anew with those of now.

        A configuration, or a node's doubt about all that it knew, changes votes without announcing when.
        """
        table = self._table()
        if (self._known.total, self._rewrites) == (table.total, table.rewrites):
            return True
        self._known, self._rewrites = table.copy(), table.rewrites
        return False
