"""Connects the calls of endpoints with the board that their probes look at."""

from collections.abc import Callable
from math import isfinite

from rrdnsd.config import Config
from rrdnsd.core.calls import Call
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.votes import Statement
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.probes.heartbeat import Board


def is_used(config: Config) -> bool:
    """Tell if any service is watched by heartbeats."""
    return any(service.heartbeat_secret.get_secret_value() for service in config.services)


def secret_of(config: Callable[[], Config], fqdn: str) -> str:
    """Return the secret of a service, as it is configured now; "" if it is not watched by heartbeats."""
    for service in config().services:
        if service.fqdn == fqdn:
            return service.heartbeat_secret.get_secret_value()
    return ""


def taking(
    board: Board, runtime: Runtime, pass_on: Callable[[Call], None]
) -> Callable[[EndpointKey, str], bool]:
    """Return what takes in a call to this node: the board notes it, and the peers hear of it."""

    def take(key: EndpointKey, trouble: str) -> bool:
        if key not in runtime.engine.endpoints:
            return False
        call = Call(key, 0.0, trouble)
        _note(board, runtime, call)
        pass_on(call)
        return True

    return take


def hear(board: Board, runtime: Runtime, statement: Statement) -> None:
    """Take in the calls that endpoints made at a peer. They are not passed on again: it tells every node itself."""
    passed = runtime.clock() - statement.said_at
    if not isfinite(passed):
        return
    for call in statement.beats:
        if call.key in runtime.engine.endpoints:
            _note(board, runtime, call._replace(age=call.age + passed))


def _note(board: Board, runtime: Runtime, call: Call) -> None:
    """Note a call; a probe looks at it at once if the last one said something else."""
    if board.beat(call.key, call.trouble, call.age):
        last = runtime.engine.endpoints[call.key].last
        if last is None or last.reason != call.trouble:
            runtime.look(call.key)
