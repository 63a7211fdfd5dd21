"""One node's opinion of one endpoint: rise and fall thresholds with a leaky failure counter.

The counter is gdnsd's (mon.c): failures add up to `fall` and are forgotten only after `rise` successes in a
row, so an endpoint that flaps between good and bad goes down instead of hiding behind its good moments.
"""

from dataclasses import dataclass, replace

from rrdnsd.core.model import State, Thresholds


@dataclass(frozen=True, slots=True)
class Opinion:
    """What this node believes of an endpoint and on what evidence.

    `failures` is the leaky counter while the endpoint is not down; `successes` counts successes in a row
    that have not changed anything yet. `reason` is that of the last failure, "" while all is well.
    """

    state: State = State.UNKNOWN
    failures: int = 0
    successes: int = 0
    reason: str = ""
    since: float = 0.0

    @property
    def undecided(self) -> bool:
        """Tell if there was a first failure without enough probes since to say down or well again."""
        return self.state is not State.DOWN and self.failures > 0

    @property
    def settled(self) -> bool:
        """False while evidence for another opinion is adding up."""
        return not self.undecided and not self.successes


def observe(
    opinion: Opinion, *, ok: bool, reason: str, thresholds: Thresholds, now: float, wary: bool = False
) -> Opinion:
    """Return the opinion after one more probe; the same object if nothing changed.

    The first success makes an unknown endpoint up, unless this node is `wary`: its peers agree that the
    endpoint is down, so it needs `rise` successes like any other.
    """
    if ok:
        return _after_success(opinion, thresholds, now, wary=wary)
    return _after_failure(opinion, reason, thresholds, now)


def _after_success(opinion: Opinion, thresholds: Thresholds, now: float, *, wary: bool) -> Opinion:
    if opinion.state is State.UP and not opinion.failures:
        return opinion
    successes = opinion.successes + 1
    if opinion.state is State.UNKNOWN and not wary:
        return Opinion(State.UP, since=now)
    if successes < thresholds.rise:
        return replace(opinion, successes=successes)
    since = opinion.since if opinion.state is State.UP else now
    return Opinion(State.UP, since=since)


def _after_failure(opinion: Opinion, reason: str, thresholds: Thresholds, now: float) -> Opinion:
    if opinion.state is State.DOWN:
        if opinion.successes == 0 and opinion.reason == reason:
            return opinion
        return replace(opinion, successes=0, reason=reason)
    failures = opinion.failures + 1
    if failures >= thresholds.fall:
        return Opinion(State.DOWN, failures=failures, reason=reason, since=now)
    return replace(opinion, failures=failures, successes=0, reason=reason)
