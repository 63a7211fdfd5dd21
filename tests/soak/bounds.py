"""The settings of the nodes, and what follows from them: how long anything may take, in seconds."""

SETTINGS = {
    "probe_interval_ms": 1000,
    "fast_interval_ms": 100,
    "probe_timeout_ms": 800,
    "heartbeat_ms": 500,
    "vote_ttl_ms": 2000,
    "takeover_ms": 500,
    "reconcile_interval_ms": 2000,
    "update_timeout_ms": 2000,
}


def _of(key):
    return SETTINGS[f"{key}_ms"] / 1000


INTERVAL, TIMEOUT, FAST = _of("probe_interval"), _of("probe_timeout"), _of("fast_interval")
VOTE_TTL, UPDATE_TIMEOUT = _of("vote_ttl"), _of("update_timeout")

PLAN_AGE = 2.0
"""A plan that is older is not sent."""
TICK = 0.3
"""How late the engine may notice that a vote has expired."""
BUSY = 2.0
"""What a machine with two cores may add to all of it."""
BACKOFF_MOST = 30.0

OPINION = INTERVAL + 2 * (TIMEOUT + FAST)
"""A probe begins at most an interval after a change; `fall` or `rise` of them, each at its time-out, change an opinion."""
HEARD = 3 * _of("heartbeat")
"""After healing, all nodes know each other's votes."""
WRITTEN = 2 * _of("takeover") + UPDATE_TIMEOUT + _of("reconcile_interval") + VOTE_TTL
"""Two others had their turn, an exchange was lost, a regular look found the difference, and it stood for a vote_ttl."""
RIGHT = OPINION + HEARD + WRITTEN + BUSY
"""So long after a change DNS is right if no server has failed before."""
OUTDATED = OPINION + VOTE_TTL + TICK + PLAN_AGE + UPDATE_TIMEOUT + BUSY
"""What was over so long ago cannot explain that an address is taken away."""
ALONE = VOTE_TTL + TICK + PLAN_AGE + BUSY
"""A node that has heard nobody for so long sends no update."""
STILL = 2 * _of("reconcile_interval") + 0.5
"""How long is watched that nothing is written: every node has looked for drift twice by then."""
START = 30.0
"""A node that was started answers by then, however busy the machine."""

FDS_MORE = 8
"""File descriptors that a node may have more at the end of a calm phase than at the end of its first ones: a
connection to each peer in each direction, one to named, one that asks for its health, and as many that end."""
FDS_MOST = 60
"""No node ever has more in a calm phase: three times what it needs."""
RSS_MORE_MB = 4.0
"""By how much the median memory of the last third of the calm phases may exceed that of the first third."""
RSS_MOST_MB = 96.0
"""No node ever needs more."""
WARM_UP = 60.0
"""Seconds of a process's life that are not judged."""


def backoff(failed):
    """Return the longest wait of a node whose server has failed it for so long in all.

    Each wait is half to all of twice the one before, so the next is at most twice the time that has passed, and a first one.
    """
    return min(BACKOFF_MOST, 2 * failed + 1.0) if failed else 0.0
