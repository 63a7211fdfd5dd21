"""Names whose change a server refuses: each is tried again by itself, its neighbours do not wait for it."""

from collections.abc import KeysView

from rrdnsd.daemon.keeping import told


class Refusals:
    """The last sentence of the server about each refused name, and how many times in a row it has refused it."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    @property
    def names(self) -> KeysView[str]:
        """The names that are refused."""
        return self._found.keys()

    @property
    def summary(self) -> str:
        """All of them in a sentence; "" if there is none."""
        return told({name: sentence for name, (_, sentence) in self._found.items()})

    def sentence(self, name: str) -> str:
        """Return why a name is refused; "" if it is not."""
        return self._found.get(name, (0, ""))[1]

    def add(self, name: str, sentence: str) -> int:
        """Take in that a name is refused; returns the how manyeth time in a row this is."""
        times = self._found.get(name, (0, ""))[0] + 1
        self._found[name] = (times, sentence)
        return times

    def forget(self, name: str) -> None:
        """Take in that a name is refused no more."""
        self._found.pop(name, None)
