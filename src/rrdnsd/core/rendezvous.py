"""Rendezvous hashing (Thaler and Ravishankar, 1998): which nodes a subject falls to, without anybody telling them.

Each node has a weight for each subject, and the heaviest ones have it. When a node comes or goes, only what it
has itself moves.
"""

import hashlib


def weight(node: str, subject: str) -> bytes:
    """Return how much a node is drawn to a subject; the same on every node."""
    return hashlib.blake2b(f"{node}|{subject}".encode(), digest_size=8).digest()
