"""One storm and the calm after it: lets the faults begin and end when it is their time, then waits for all to be right."""

import time

from soak import applying, bounds, logs, truth
from soak.kinds import NODES, SERVICES
from soak.record import Cycle, Stood

TICK = 0.05
ASK = 0.25


class Run:
    """Everything that is asked while a campaign runs: the world, and those who watch it."""

    def __init__(self, world, observer, ticker):
        self.world, self.observer, self.ticker = world, observer, ticker
        self._read = dict.fromkeys(NODES, 0)
        self._restarted: dict[str, Stood] = {}

    def settle(self, within):
        """Wait for the first time that all is right."""
        ends = time.monotonic() + within
        while self._trouble(0.0):
            if time.monotonic() > ends:
                raise RuntimeError(f"not well within {within:g} s of the start: {self._trouble(0.0)}")
            time.sleep(ASK)

    def cycle(self, number, storm, drift):
        """Let a storm pass, and `drift` happen in the calm; returns the record."""
        made = Cycle(number, time.monotonic())
        first = len(self.observer.looks), len(self.ticker.stalls), self.world.server.mark()
        self._weather(made, storm)
        self._calm(made, first[1])
        if made.right is not None:
            self._drift(made, drift, first[1])
        made.looks = self.observer.looks[first[0] :]
        made.faults += self.ticker.stalls[first[1] :]
        hosts = {str(node.host): name for name, node in self.world.nodes.items()}
        offset = time.monotonic() - time.time()
        made.updates = logs.updates(self.world.server._text[first[2] :], hosts, offset)
        kinds = {stood.fault.kind for stood in made.faults}
        for name in NODES:
            log = self.world.nodes[name].log
            made.complaints += [f"{name}: {line}" for line in logs.complaints(log[self._read[name] :], kinds)]
            self._read[name] = len(log)
        return made

    def _weather(self, made, storm):
        moments = sorted(
            [(one.at, 1, one) for one in storm] + [(one.until, 2, one) for one in storm],
            key=lambda moment: moment[:2],
        )
        standing = {}
        for at, step, one in moments:
            self._wait(made.began + at)
            if step == 1:
                standing[one.fault] = stood = Stood(one.fault, time.monotonic())
                made.faults.append(stood)
                applying.begin(self.world, one.fault)
                stood.began = time.monotonic()
            else:
                self._lift(standing.pop(one.fault))

    def _lift(self, stood):
        stood.lifted = time.monotonic()
        applying.end(self.world, stood.fault)
        if stood.fault.kind == "node killed":
            self._restarted[stood.fault.target] = stood
        else:
            stood.over = time.monotonic()

    def _wait(self, until):
        while True:
            self._see_restarts()
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(TICK, left))

    def _see_restarts(self):
        """A node that was killed is back when it answers."""
        for name, stood in [*self._restarted.items()]:
            if self.world.nodes[name].health():
                stood.over = time.monotonic()
                del self._restarted[name]

    def _calm(self, made, first_stall):
        trouble, made.deadline = self._right(made, first_stall)
        if trouble:
            made.complaints.append(trouble)
            return
        made.right = time.monotonic()
        self._wait(made.right + bounds.STILL)
        made.still_until = time.monotonic()

    def _drift(self, made, fault, first_stall):
        """Let somebody change a record by hand: only a regular look at DNS can find that now."""
        stood = Stood(fault, time.monotonic())
        made.faults.append(stood)
        applying.begin(self.world, fault)
        stood.began = stood.lifted = stood.over = time.monotonic()
        made.unmended, _ = self._right(made, first_stall)
        if not made.unmended:
            made.mended = time.monotonic() - stood.over

    def _right(self, made, first_stall):
        """Wait until all is right, or should have been for a moment; returns what is not, and until when it should be."""
        while True:
            self._wait(time.monotonic() + ASK)
            deadline = _deadline(made.faults, self.ticker.stalls[first_stall:])
            over = max(stood.over for stood in made.faults) if not self._restarted else None
            trouble = "a node does not answer after its start" if over is None else self._trouble(over)
            if not trouble:
                return "", deadline
            if time.monotonic() > deadline:
                # One more look, so that the record tells what was served then.
                time.sleep(ASK)
                return trouble, deadline

    def _trouble(self, since):
        """Say what is not right at this moment, "" if all is. `since` is when the last fault was over."""
        if not self.observer.alive:
            raise RuntimeError("the observer has ended")
        looks = self.observer.looks
        if not looks or looks[-1].asked < since:
            return "nobody has looked yet"
        for service in SERVICES:
            served = looks[-1].served[service]
            if served != truth.expected(service, frozenset()):
                return f"{service} has {', '.join(sorted(served or ['nothing']))}"
        names = {node.name for node in self.world.nodes.values()}
        said = (
            f"{name} {trouble}"
            for name, node in self.world.nodes.items()
            if (trouble := _unwell(node, names))
        )
        return next(said, "")


def _unwell(node, names):
    """Say what a node has to complain of, or has not seen yet."""
    health = node.health()
    if not health:
        return "does not answer"
    if health["reasons"]:
        return f"says: {'; '.join(health['reasons'])}"
    # Fail-open serves all of a service that is still coming back, and then corrects itself once more.
    if health["endpoints"].keys() - {"up"}:
        return f"counts {health['endpoints']}"
    return "" if names - {node.name} <= node.counted() else "does not count its peers"


def _deadline(faults, stalls):
    """Return until when all shall be right; a node that was killed has to answer first."""
    full = sum(stood.over - stood.asked for stood in faults if stood.fault.kind == "disk full")
    failed = max(truth.failed_for(faults, NODES, time.monotonic()), full)
    stood_still = sum(stall.over - stall.asked for stall in stalls)
    over = max(min(stood.over, stood.lifted + bounds.START) for stood in faults)
    return over + bounds.RIGHT + bounds.backoff(failed) + stood_still
