"""Standing conditions, told once each: when they appear and when they change."""

from rrdnsd.daemon.reports import Noticed, Tell


class Notices:
    """What is to be noticed about one zone on one server at the moment."""

    def __init__(self, server: str, zone: str, tell: Tell) -> None:
        self._server = server
        self._zone = zone
        self._tell = tell
        self._standing: dict[str, str] = {}

    def say(self, name: str, text: str, *, topic: str = "", alarm: bool = False) -> None:
        """Tell about a condition of a name unless it was told already; "" means that it is gone."""
        subject = f"{name} {topic}"
        if self._standing.get(subject, "") == text:
            return
        self._standing[subject] = text
        if text:
            self._tell(Noticed(self._server, self._zone, name, text, alarm))
        else:
            del self._standing[subject]
