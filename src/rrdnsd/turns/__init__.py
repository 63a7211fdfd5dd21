"""Long work on the event loop: in short turns, and so that readers wait as little as possible for what it makes."""

from rrdnsd.turns.ahead import Ahead
from rrdnsd.turns.pace import MOST_SECONDS, SECONDS, Readers, ReaderTurns, Turns

__all__ = ["MOST_SECONDS", "SECONDS", "Ahead", "ReaderTurns", "Readers", "Turns"]
