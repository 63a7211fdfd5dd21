"""What `systemctl status` shows of the node, in one line."""

from collections.abc import Iterable

from rrdnsd.core.model import State
from rrdnsd.daemon.manager.firstround import Open
from rrdnsd.daemon.runtime import Runtime

_NAMED = 3


def first_round(missing: Open) -> str:
    """Say what the first round waits for."""
    parts = [f"{missing.unprobed} endpoints to be probed"] if missing.unprobed else []
    parts += [f"{_some(missing.unread)} to be read"] if missing.unread else []
    return f"first round: {', '.join(parts) or 'done'}"


def watching(runtime: Runtime, refused: str, late: float) -> str:
    """Say what is watched and how it is, `refused` of the last reload, and if the schedule stands still for `late` s."""
    engine, counts = runtime.engine, runtime.counts()
    states = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    endpoints = _count(len(engine.endpoints), "endpoint") + (f": {states}" if states else "")
    services = sum(bool(service.endpoints) for service in engine.services.values())
    parts = [f"watching {_count(services, 'service')}, {endpoints}", _nodes(runtime)]
    failing = sorted(
        f"{zone} on {keeper.server}"
        for (_, zone), keepers in runtime.keepers.items()
        for keeper in keepers
        if keeper.status.failing_since is not None
    )
    parts += [f"failing: {_some(failing)}"] if failing else []
    parts += [f"no probe was started or has ended for {late:.0f} s"] if late else []
    parts += [f"the last reload was refused: {refused}"] if refused else []
    return "; ".join(part for part in parts if part)


def _nodes(runtime: Runtime) -> str:
    roster, now = runtime.engine.electorate.roster, runtime.clock()
    if len(roster.nodes) == 1 and not roster.removed:
        return ""
    return roster.no_quorum(now) or f"quorum: {roster.fresh_nodes(now)} of {len(roster.nodes)} nodes heard"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    shown = ", ".join(listed[:_NAMED])
    return shown if len(listed) <= _NAMED else f"{shown} and {len(listed) - _NAMED} more"
