"""The protocol of sd_notify(3): a datagram of `NAME=value` lines to the socket that $NOTIFY_SOCKET names."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_STATES = {"READY", "RELOADING", "STOPPING"}
"""What must arrive, and in order; the rest is true for a moment only."""

_MOST = 16
"""States that may wait for a manager who does not read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the service manager asked for: where to tell it, "" if nowhere, and how often it wants to hear of life.

    `watchdog` is in seconds, None if it does not watch this process.
    """

    address: str = ""
    watchdog: float | None = None


def asked(env: Mapping[str, str], pid: int) -> Asked:
    """Read $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID; what is malformed, or meant for another process, is no request."""
    address = env.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")) or len(address) == 1:
        return Asked()
    period, whom = env.get("WATCHDOG_USEC", ""), env.get("WATCHDOG_PID", str(pid))
    if not period.isdecimal() or int(period) == 0 or whom != str(pid):
        return Asked(address)
    return Asked(address, int(period) / 1e6)


@dataclass(slots=True)
class Line:
    """The line to the service manager. Nothing is said where nobody asked; nothing here waits or raises.

    A state that cannot be sent at the moment is sent before whatever is said next.
    """

    address: str = ""
    _waiting: list[bytes] = field(default_factory=list)

    def say(self, **values: str | int) -> bool:
        """Send one datagram, such as `say(READY=1, STATUS="...")`; False if it could not be sent."""
        if not self.address:
            return False
        lines = "\n".join(f"{name}={_one_line(str(value))}" for name, value in values.items())
        datagram = lines.encode("utf-8", "backslashreplace")
        sent = self._send([*self._waiting, datagram])
        if sent > len(self._waiting):
            self._waiting = []
            return True
        kept = [datagram] if _STATES & values.keys() else []
        self._waiting = [*self._waiting[sent:], *kept][-_MOST:]
        return False

    def _send(self, waiting: Sequence[bytes]) -> int:
        """Send what the manager takes in without waiting, and return how many of them that were."""
        sent = 0
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.connect(_path(self.address))
                for datagram in waiting:
                    sock.send(datagram)
                    sent += 1
        except OSError:
            pass  # it is being started anew, or does not read
        return sent


def _path(address: str) -> bytes:
    """Return what the kernel takes: a leading @ stands for the zero byte of an abstract socket, unix(7)."""
    raw = os.fsencode(address)
    return b"\0" + raw[1:] if raw.startswith(b"@") else raw


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
