"""Whether this node can do its part: what it waits for, a sentence each."""

from collections.abc import Sequence

from rrdnsd.control.reports import ReadyReport
from rrdnsd.core.model import State
from rrdnsd.daemon.control.scene import Scene


def ready_report(scene: Scene, store_trouble: str, warnings: Sequence[str] = ()) -> ReadyReport:
    """Say what is missing; `store_trouble` is what is wrong with the file of orders and events.

    `warnings` are what an operator should know of the configuration file, and no reason not to be ready.
    """
    electorate = scene.engine.electorate
    endpoints = scene.engine.endpoints.values()
    open_ones = sum(status.verdict is State.UNKNOWN and not status.divided for status in endpoints)
    reasons = [f"no verdict yet on {open_ones} of {len(endpoints)} endpoints"] if open_ones else []
    reasons += [electorate.roster.no_quorum(scene.now), electorate.abstains]
    reasons += [f"orders cannot be saved: {store_trouble}"] if store_trouble else []
    found = [reason for reason in reasons if reason]
    return ReadyReport(not found, found, [*warnings])
