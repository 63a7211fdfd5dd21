"""Replay safety of incoming messages, without clocks and without anything on disk.

A sender must use the session that this node has given it; a session lives as long as this process and ends
when the sender begins the next one. Within a session sequence numbers grow. A message recorded earlier
therefore never fits again, and one that was held back betrays itself by the age of the stamp it echoes.
"""

import secrets
from dataclasses import dataclass


@dataclass(slots=True)
class Session:
    """What this node remembers of one sender."""

    current: str = ""
    last_seq: int = -1
    offered: str = ""

    def offer(self) -> str:
        """Return the session that the sender may begin; the same until it does."""
        if not self.offered:
            self.offered = secrets.token_hex(16)
        return self.offered

    def admit(self, session: str, seq: int) -> str:
        """Take a message in; returns why it is refused, "" if it is not."""
        if session and session == self.offered:
            self.current, self.last_seq, self.offered = session, seq, ""
            return ""
        if not session or session != self.current:
            return "session"
        if seq <= self.last_seq:
            return "replay"
        self.last_seq = seq
        return ""
