"""Says in the log when it was the sandbox that refused something."""

import logging
import re

from rrdnsd.daemon.sandbox.allowance import Allowance, Right

_REFUSED = re.compile(r"permission denied|operation not permitted|invalid cross-device link", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w:/.])/(?:[\w.@+%=~-]+/?)+")
_PORT = re.compile(r"(?:\]|[0-9.]):([0-9]{1,5})\b")
_CONNECTING = re.compile(r"connect|permission denied on this node", re.IGNORECASE)


def hint(text: str, allowed: Allowance) -> str:
    """Return what is to be added to a line: "" where it is not about something that the sandbox refuses. Pure."""
    if not _REFUSED.search(text):
        return ""
    for path in _PATH.findall(text):
        for right, key in ((Right.READ, "read"), (Right.WRITE, "write")):
            known = any(allowed.covers(path, other) for other in (right, Right.DEVICE, Right.SOCKET))
            if not known and (right is Right.READ or "written" in text or "write" in text):
                return f" (refused by the sandbox: {path} is not in what it allows; see sandbox.{key})"
        if not allowed.programs and "started" in text:
            return f" (refused by the sandbox: it lets no program be run; list {path} under sandbox.execute)"
    for number in map(int, _PORT.findall(text)):
        if not allowed.connects(number) and _CONNECTING.search(text):
            return (
                f" (refused by the sandbox: TCP port {number} is not in what it allows;"
                " see sandbox.connect_ports)"
            )
    return ""


class Hints(logging.Filter):
    """Adds the hint to what is logged."""

    def __init__(self, allowed: Allowance) -> None:
        super().__init__()
        self._allowed = allowed

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if record.levelno >= logging.INFO:
            text = record.getMessage()
            more = hint(text, self._allowed)
            if more:
                record.msg, record.args = f"{text}{more}", None
        return True
